"""Room for brought checkpoints: the oldest that nobody uses makes way, what is in use stays."""

import os
import time

import pytest
from safetensors.numpy import save

from dashboard.model import keeping
from dashboard.model.own import uploads
from resq import checkpoints
from resq.data.normal import USUAL
from resq.measure.store import rows_by_key
from tests.dashboard.test_charts import row


@pytest.fixture
def bring(own_folders, tiny, monkeypatch):
    """``bring(mean)``: the tiny network, with a mean of its own, which makes another checkpoint."""
    monkeypatch.setattr(uploads, "MOST_KEPT", 2)
    monkeypatch.setattr(keeping, "_shown", {})
    raw = save({name: value.copy() for name, value in tiny.state.items()})

    def run(mean: str, told: list[str] | None = None) -> str:
        return uploads.checkpoint(raw, "x.pth.safetensors", "resnet20", "signs", uploads.Reading(mean), told)

    return run


def age(name: str, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(checkpoints.find(name), (then, then))


def test_the_same_file_read_with_another_mean_is_another_checkpoint(bring):
    one, other = bring("half"), bring("imagenet")
    assert one != other
    assert checkpoints.load(other).normal == USUAL["imagenet"]
    assert bring("half") == one


def test_the_oldest_unused_one_makes_room_and_is_named(bring):
    old, new = bring("half"), bring("imagenet")
    age(old, 5)
    age(new, 3)
    told: list[str] = []
    bring("none", told)
    assert old not in checkpoints.names()
    assert new in checkpoints.names()
    assert any(f"{old}, last used " in said and "was removed to make room" in said for said in told)


def test_what_was_shown_lately_or_measured_stays(bring):
    shown, measured = bring("half"), bring("imagenet")
    age(shown, 5)
    age(measured, 9)
    keeping.touch(shown)
    rows_by_key.add([row(checkpoint=measured, encoding="int8", ber=b, key=f"k{b}") for b in (0.0, 0.1, 0.2)])
    with pytest.raises(
        ValueError, match="2 brought checkpoints are kept here already, as many as may, and all"
    ):
        bring("none")
    assert {shown, measured} <= set(checkpoints.names())


@pytest.mark.parametrize("name", ["a.pth.tar", "a.th", "a.ckpt", "a.bin", "A.PT", "a.onnx"])
def test_every_ending_of_the_command_is_taken_and_a_refusal_names_the_file_as_its_owner_does(bring, name):
    with pytest.raises(ValueError, match=rf"^{name} "):
        uploads.checkpoint(b"text" * 99, name, "resnet20", "signs")


def test_what_another_server_has_shown_is_in_use(bring, monkeypatch):
    monkeypatch.setenv(keeping.SERVERS, "2")
    one, other = bring("half"), bring("imagenet")
    age(one, 3)
    age(other, 2)
    keeping.touch(one)
    monkeypatch.setattr(keeping, "_shown", {})  # as another server knows it
    assert keeping.room([one, other]).startswith(other)
    assert checkpoints.find(one).is_file()
