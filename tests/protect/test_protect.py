"""The whole way on a real network: an answer, its files, what C reads of them; and nothing is done twice."""

import json

import numpy as np
import pytest

from resq import checkpoints, cli
from resq.core import Encoding
from resq.memory import quant
from resq.protect import answer, decoder, deploy, trial
from resq.protect.mixtures import Mixture

NET = "signs/resnet20/base"
ASKED = ["protect", NET, "--ber", "0.02", "--keep", "0.9", "--n", "40", "--maps", "1", "--test", "40",
         "--test-maps", "2"]  # fmt: skip


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
    assert found["confirmed"]["chosen"]["n"] == 40
    assert found["confirmed"]["difference"]["n"] == 40
    assert all(set(member["kept"]) == {"0.002", "0.02", "0.1"} for member in found["front"])
    assert f"Stored as {encoding}" in answer.sentence(found)
    assert "points" in answer.against(found)
    said = (folder / "report.md").read_text(encoding="utf-8")
    assert answer.sentence(found) in said
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


def test_no_test_image_decides(monkeypatch):
    checkpoint = checkpoints.load(NET)
    asked = []
    monkeypatch.setattr(trial.data, "load", lambda name, split: asked.append(split) or _stop())
    with pytest.raises(LookupError):
        trial.images(checkpoint, 10)
    assert asked == ["train"]


def _stop():
    raise LookupError


@pytest.mark.skipif(not decoder.compiler(), reason="no C compiler here")
def test_a_guard_takes_longer_than_none_and_more_of_it_longer_still():
    checkpoint = checkpoints.load(NET)
    sizes = tuple(checkpoint.state[name].size for name in checkpoint.weights)
    ratio = trial.slower(checkpoint)
    plain, spw = (Mixture(Encoding.parse("int8"), Encoding.parse(e), tuple(range(len(sizes))), sizes)
                  for e in ("int8-x3", "int8-spw"))  # fmt: skip
    assert 1 < ratio(plain) < ratio(spw)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--ber", "2"], r"rate must lie in \(0, 0.5\], got 2"),
        (["--keep", "99"], "a share in .0, 1., such as 0.99, got 99"),
        (["--bits", "4"], "int8 takes 8 bits a weight already, more than 4"),
        (["--encoding", "fp32"], "mixed in plain words of one byte"),
        (["--n", "0"], "n must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_one_sentence(more, said, tmp_path, capsys):
    assert cli.main([*ASKED, "--out", str(tmp_path), *more]) == 2
    error = capsys.readouterr().err
    assert __import__("re").search(said, error)
    assert list(tmp_path.iterdir()) == []
