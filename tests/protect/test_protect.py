"""The whole way on a real network: an answer, its files, what C reads of them; and nothing is done twice."""

import json

import numpy as np
import pandas as pd
import pytest

from resq import checkpoints, cli
from resq.core import Encoding
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.memory import quant
from resq.protect import decoder, deploy, fulfilled, stored_network, trial, wording
from resq.protect.mixtures import Mixture
from resq.protect.timing import pass_time

NET = "signs/resnet20/base"
ASKED = ["protect", NET, "--ber", "0.02", "--keep", "0.9", "--n", "40", "--maps", "1", "--test", "40",
         "--test-maps", "2", "--bits", "8.5"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("protect")
    assert cli.main([*ASKED, "--out", str(found), "--json"]) == 0
    return found


def test_the_answer_says_what_to_store_and_what_it_was_measured_on(folder):
    found = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    encoding = Encoding.parse(found["encoding"])
    sizes = [checkpoints.load(NET).state[name].size for name in checkpoints.load(NET).weights]
    assert found["bits"] == pytest.approx(encoding.memory(sizes))
    assert found["enough"] == (found["kept_held_out"] >= 0.9)
    assert found["passes"] <= found["grid_passes"] / 3
    at = fulfilled.at_rate(found)
    assert [entry["ber"] for entry in found["confirmed"]] == pytest.approx([0.004, 0.02, 0.04])
    assert at["chosen"]["n"] == at["difference"]["n"] == 40
    assert all(entry["rival_bits"] <= found["bits"] for entry in found["confirmed"])
    assert all(set(member["kept"]) == {"0.004", "0.02", "0.04"} for member in found["front"])
    assert found["seed"] == SweepSpec(NET).seed == 0
    assert "Fault maps are drawn by seed 0." in wording.passes(found)
    assert f"Stored as {encoding}" in wording.sentence(found)
    assert f"against {at['rival']}" in wording.against(found)
    said = (folder / "report.md").read_text(encoding="utf-8")
    assert found["unprotected"]["encoding"] == "int8"
    assert found["unprotected"]["n"] == 40
    assert wording.sentence(found) in said
    assert all(f"`{t['encoding']}`" in said for t in found["tried"])


@pytest.mark.skipif(not decoder.compiler(), reason="no C compiler here")
def test_what_c_reads_of_the_files_is_the_network_bit_for_bit(folder):
    found = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    model = checkpoints.load(NET).quantized(Encoding.parse(found["encoding"]))
    read = deploy.read(folder)
    assert set(read) == set(model.weights)
    for name, q in model.weights.items():
        assert np.array_equal(read[name], quant.dequantize(q))
    assert (folder / "decoder.c").read_bytes() == decoder.SOURCE.read_bytes()
    layout = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
    last = layout["layers"][-1]
    assert (folder / "words.bin").stat().st_size == last["checks_at"] + last["checks_bytes"]


def test_asked_again_nothing_is_measured_on_held_out_images(folder, monkeypatch):
    before = (folder / "measured.jsonl").read_text(encoding="utf-8")
    monkeypatch.setattr(trial.Trial, "_measured", None)  # a pass would fail
    assert cli.main([*ASKED, "--out", str(folder), "--json"]) == 0
    assert (folder / "measured.jsonl").read_text(encoding="utf-8") == before


def test_a_line_that_was_cut_off_is_measured_again(tmp_path):
    file = tmp_path / "measured.jsonl"
    file.write_text('{"key": "a", "accuracy": 0.5}\n{"key": "b", "accu', encoding="utf-8")
    assert trial._known(file) == {"a": 0.5}


def test_what_was_written_down_of_a_checkpoint_stays_known(tmp_path):
    subject, file = stored_network.StoredNetwork(NET, "", 20), tmp_path / "measured.jsonl"
    key = json.dumps(["int8", "random", 0.0, 0, subject.images, subject.hash])
    file.write_text(json.dumps({"key": key, "accuracy": 0.5}) + "\n", encoding="utf-8")
    assert trial.Trial(subject, 0.01, 1, file).accuracy(subject.own, 0.0) == [0.5]


def test_no_test_image_decides(monkeypatch):
    checkpoint = checkpoints.load(NET)
    asked = []
    monkeypatch.setattr(stored_network.data, "load", lambda name, split: asked.append(split) or _stop())
    with pytest.raises(LookupError):
        stored_network.images(checkpoint, 10)
    assert asked == ["train"]


def _stop():
    raise LookupError


@pytest.mark.skipif(not decoder.compiler(), reason="no C compiler here")
def test_a_guard_takes_longer_than_none_and_more_of_it_longer_still():
    subject = stored_network.StoredNetwork(NET, "", 250)
    sizes, ratio = subject.sizes, pass_time.slower(subject)
    three, nine = (Mixture(Encoding.parse("int8"), Encoding.parse(e), tuple(range(len(sizes))), sizes)
                  for e in ("int8-x3", "int8-x9"))  # fmt: skip
    assert 1 < ratio(three) < ratio(nine)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--ber", "2"], r"rate must lie in \(0, 0.5\], got 2"),
        (["--keep", "99"], "a share in .0, 1., such as 0.99, got 99"),
        (["--bits", "3"], "int4 takes 4 bits a weight already, more than 3"),
        (["--encoding", "int8", "--bits", "4"], "int8 takes 8 bits a weight already, more than 4"),
        (["--fault", "rain"], "no fault model .rain."),
        (["--data", "cifar10"], "knows its images; leave out --data"),
        (["--encoding", "fp32"], "mixed in plain words of at most one byte"),
        (["--n", "0"], "n must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_one_sentence(more, said, tmp_path, capsys):
    assert cli.main([*ASKED, "--out", str(tmp_path), *more]) == 2
    error = capsys.readouterr().err
    assert __import__("re").search(said, error)
    assert list(tmp_path.iterdir()) == []


def _found(*differences):
    point = {"accuracy": 0.9, "low": 0.88, "high": 0.92, "clean": 0.95, "n": 10, "maps": 3}
    return {
        "network": NET, "encoding": "int8+int8-x3@0", "bits": 8.1, "kept_held_out": 0.9, "enough": True,
        "unprotected": {"encoding": "int8", "accuracy": 0.95, "n": 10},
        "wanted": {"ber": 0.02, "keep": 0.9, "fault": "random", "n": 300, "maps": 3},
        "confirmed": [
            {"ber": rate, "chosen": point, "rival": "int8", "rival_bits": 8.0,
             "rival_point": point,
             "difference": {"mean": (low + high) / 2, "low": low, "high": high,
                            "how": "paired on 10 common images; 3 and 3 maps of their own"}}
            for rate, (low, high) in zip((0.004, 0.02, 0.04), differences, strict=True)
        ],
    }  # fmt: skip


def test_a_difference_says_what_was_paired_and_its_seed():
    text = wording.against(_found((-0.01, 0.01), (0.01, 0.03), (0.1, 0.2)))
    assert "paired on 10 common images; 3 and 3 maps of their own; seed 0" in text


def test_a_share_on_held_out_images_says_how_many_they_are_and_that_it_has_no_interval():
    text = wording.sentence(_found((-0.01, 0.01), (0.01, 0.03), (0.1, 0.2)))
    assert "on 300 held-out images with 3 fault maps, a share without an interval" in text


def test_what_intervals_say_at_the_three_rates_is_said():
    assert wording.against(_found((-0.01, 0.01), (0.01, 0.03), (0.1, 0.2))).endswith(
        "It is better at 0.02 and 0.04, worse at none."
    )
    assert wording.against(_found((-0.03, -0.01), (-0.01, 0.01), (-0.01, 0.01))).endswith(
        "It is told apart as better at none of the rates, worse at 0.004."
    )
    uniform = _found((0, 0), (0, 0), (0, 0)) | {"encoding": "int8-x3"}
    assert wording.against(uniform).startswith("The answer stores all layers alike: no mixture was better")


def _asked(keep=0.9, **point):
    found = _found((-0.01, 0.01), (0.01, 0.03), (0.1, 0.2))
    found["wanted"] |= {"keep": keep, "bits": 8.25}
    fulfilled.at_rate(found)["chosen"].update(point)
    return found


@pytest.mark.parametrize(
    ("keep", "state", "words"),
    [
        (0.9, "reached", "the 90 % are reached, by the whole interval"),
        (0.99, "missed", "the 99 % are missed, by the whole interval"),
        (0.94, "open", "the 94 % are reached by the mean, which the interval does not decide"),
        (0.95, "open", "the 95 % are missed by the mean, which the interval does not decide"),
    ],
)
def test_an_answer_says_whether_test_images_bear_out_what_was_asked_for(keep, state, words):
    assert fulfilled.on_test(_asked(keep)) == state
    whole = "94.7 % of the 95.0 % that int8 has there without faults"
    assert f"{whole}; {words}" in wording.sentence(_asked(keep))


def test_what_was_asked_for_is_told_with_the_share_to_be_kept():
    assert fulfilled.question(_asked()) == "keep 90 % at BER 0.02, random, in at most 8.25 bits a weight"
    assert fulfilled.held_out(_asked()) == "reached"
    assert fulfilled.held_out(_asked() | {"enough": False}) == "missed"


def test_a_rival_is_told_with_its_bits_its_accuracy_and_its_interval():
    assert "against int8 (8.00 bits a weight, 90.0 %, 88.0 to 92.0)" in wording.against(_asked())


def test_an_answer_says_whether_the_network_had_learned_from_the_images_that_decided():
    known = checkpoints.card(NET)["sha256"][:16]
    assert fulfilled.learned(_asked() | {"weights": known}) == "of images that the network had learned from"
    assert "not known" in fulfilled.learned(_asked() | {"weights": "0" * 16})
    assert "not known" in fulfilled.learned(_asked() | {"network": "net@0123.tflite", "weights": "0123"})
    assert "and of images that the network had learned from" in wording.sentence(
        _asked() | {"weights": known}
    )


@pytest.mark.parametrize("file", sorted(table.SHIPPED.rglob("*-protect.json")), ids=lambda file: file.stem)
def test_what_shares_of_shipped_searches_are_of_follows_from_shipped_rows(file):
    """The network as it is stored, without faults, on as many of the first test images."""
    rows = pd.concat([table.shipped(), *map(table.read, (table.SHIPPED / "deployed").glob("ic01*.parquet"))])
    rows = rows[(rows["ber"] == 0) & (rows["attack"] == "none") & (rows["mode"] == "none")]
    for answer in json.loads(file.read_text(encoding="utf-8")):
        whole = answer["unprotected"]
        names = {whole["encoding"]} | ({"as stored"} if "@" in answer["network"] else set())
        own = rows[rows["weights"].str.startswith(answer["weights"]) & rows["encoding"].isin(names)]
        own = own[own["n"] >= whole["n"]]
        right = {
            int(np.unpackbits(np.frombuffer(bits, np.uint8))[: whole["n"]].sum())
            for bits in own["right"]
            if bits
        }
        assert right == {round(whole["accuracy"] * whole["n"])}
        assert whole["n"] == answer["wanted"]["test"]
