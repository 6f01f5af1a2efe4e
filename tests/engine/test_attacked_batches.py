"""A long attack that was killed goes on after its last batch: the same row, and no batch is made twice."""

from dataclasses import replace

import pytest
from safetensors.torch import load_file, save_file

from resq.attacks.gradient import ATTACKS
from resq.core import paths, registries
from resq.measure.run import joint_attack, sweep
from resq.measure.specs.sweep_spec import SweepSpec

SPEC = SweepSpec("signs/resnet20/base", attack="apgd", eps=(8.0,), n=12)


@pytest.fixture
def begun(monkeypatch, tmp_path):
    """Batches of 4 images, by their first value; a short attack in place of APGD, killed at one of them."""
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    monkeypatch.setattr(joint_attack, "BATCH", 4)
    made = []

    def short(network, x, y, eps, *, rng):
        made.append(float(x.sum()))
        if made[-1] == short.killed_at:
            short.killed_at = None
            raise KeyboardInterrupt
        return ATTACKS["pgd"](network, x, y, eps, rng=rng, steps=2, restarts=1)

    short.killed_at = None
    monkeypatch.setitem(joint_attack.ATTACKS, "apgd", short)
    # As if it were the project's own: what it notes would make it another attack each time.
    monkeypatch.setitem(registries._REGISTRIES["attack"][1], "apgd", short)
    return made, short


def row(spec):
    found = next(sweep.run(spec))
    return {name: value for name, value in found.items() if name != "seconds"}


def test_a_cell_that_was_killed_goes_on_after_its_last_batch(begun):
    made, short = begun
    whole, batches = row(SPEC), list(made)
    assert len(set(batches)) == 3
    made.clear()
    short.killed_at = batches[1]
    with pytest.raises(KeyboardInterrupt):
        row(SPEC)
    assert row(SPEC) == whole
    assert made == [batches[0], batches[1], batches[1], batches[2]]
    assert not list((paths.work() / "attacked").iterdir()), "what is in a row needs no file"


@pytest.mark.parametrize("other", [{"encoding": "int4"}, {"seed": 1}, {"eps": (4.0,)}, {"n": 8},
                                   {"checkpoint": "signs/resnet20/fault"}])  # fmt: skip
def test_what_is_written_is_read_for_the_same_cell_alone(begun, other):
    made, short = begun
    expected, batches = row(replace(SPEC, **other)), len(made)
    row(SPEC)
    short.killed_at = made[batches + 1]
    with pytest.raises(KeyboardInterrupt):
        row(SPEC)
    made.clear()
    assert row(replace(SPEC, **other)) == expected
    assert len(made) == batches, "each batch is made anew"


def test_a_file_of_another_shape_is_named_and_stays(begun):
    made, short = begun
    row(SPEC)
    short.killed_at = made[2]
    with pytest.raises(KeyboardInterrupt):
        row(SPEC)
    file = next((paths.work() / "attacked").rglob("0.safetensors"))
    save_file({"moved": load_file(file)["moved"][:1]}, file)
    with pytest.raises(ValueError, match=r"holds images of shape \(1, 3, 32, 32\), expected \(4, 3, 32"):
        row(SPEC)
    assert file.is_file()
