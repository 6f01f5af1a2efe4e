"""The heatmap and single words of a deployed file: the runtime's own answers, the file's own bits."""

import json

import numpy as np
import pytest

from resq import data
from resq.cli import main
from resq.core import BitFlips
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.errors import ResqError
from resq.measure import file_cells, file_flip, layers
from resq.measure.file_cells import FileLayers
from resq.measure.file_flip import FileFlip

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from tests.small_file import made  # noqa: E402

INPUTS = "range 0,1"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return str(made(tmp_path_factory.mktemp("file")))


@pytest.fixture(scope="module")
def rows(file):
    spec = FileLayers(file, "signs", maps=2, n=32, singles=3, inputs=INPUTS)
    return [row for row in file_cells.run(spec) if "total" not in row]


def test_every_bit_of_every_weight_tensor_is_a_cell_and_the_rows_are_a_heatmaps(rows):
    cells = layers.cells(layers.frame(row for row in rows if row["kind"] == "measured"), "measured")
    assert len(cells) == 2 * 8
    assert set(cells["maps"]) == {2}
    assert cells["words"].drop_duplicates().tolist() == [8 * 27, 16 * 8]


def test_a_cells_change_is_that_of_its_flips_computed_by_the_runtime_alone(file, rows):
    row = next(row for row in rows if row["kind"] == "measured" and row["bit"] == 7)
    part = data.load("signs", "test").first(32)
    with Network(file, "weights", Asked.parse(INPUTS)) as network:
        stored = network.stored[0]
        words = file_cells.drawn(stored, 7, 0.01, 0, 0)
        own = np.array(part.pixels)
        before = network.logits(own)
        with network.flipped(BitFlips(words * 8 + 7, np.zeros(len(words)))):
            after = network.logits(own)
    change = file_cells.losses(after, part.y, False).mean() - file_cells.losses(before, part.y, False).mean()
    assert row["flips"] == len(words) == 16
    assert row["change"] == pytest.approx(change, abs=1e-9)
    assert change != 0
    assert row["correct"] == int((after.argmax(1) == part.y).sum())


def test_words_are_flipped_alone_in_the_worst_cells_and_the_worst_are_named_first(rows):
    single = [row for row in rows if row["kind"] == "single"]
    assert len(single) == file_cells.WORST * 3
    assert all(row["flips"] == 1 and len(row["worst"]) == 1 for row in single)
    worst = file_cells.worst(rows)
    assert worst[0]["change"] == max(row["change"] for row in single) > 0


def test_losses_are_cross_entropy_of_logits_and_of_chances_and_capped_where_there_is_no_number():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]))
    y = np.array([0, 1])
    assert file_cells.losses(logits, y, False) == pytest.approx(-np.log([0.5, 0.8]))
    assert file_cells.losses(np.exp(logits), y, True) == pytest.approx(-np.log([0.5, 0.8]))
    assert file_cells.losses(np.array([[np.nan, 0, 0], [0, np.inf, 0]]), y, False).tolist() == [20.0, 20.0]


def test_a_flipped_word_is_the_files_own_byte_and_reads_as_twos_complement(file):
    with Network(file, "weights", Asked.parse(INPUTS)) as network:
        stored = network.stored[0]
        raw = open(file, "rb").read()  # noqa: SIM115, PTH123
        found = file_flip.read(network, stored, 5, (7,))
        assert found["word"][0] == raw[stored.at + 5]
        assert found["word"][1] == found["word"][0] ^ 128
        assert abs(found["number"][1] - found["number"][0]) == 128
        assert found["value"][0] == pytest.approx(found["number"][0] * stored.scale[0])


def test_the_runtimes_answer_changes_with_the_flip_and_without_it_does_not(file):
    one = FileFlip(file, "signs", "", 3, (7,), 0, inputs=INPUTS)
    found = file_flip.run(one)
    none = file_flip.run(FileFlip(file, "signs", "", 3, (), 0, inputs=INPUTS))
    assert none["answers"][0] == none["answers"][1] == found["answers"][0] != found["answers"][1]
    assert sum(found["answers"][1]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"layer": "none"}, "has no weights named 'none'"),
        ({"word": 216}, "has words 0 to 215, got 216"),
        ({"bits": (8,)}, "have bits 0 to 7"),
        ({"image": -1}, "--image must lie in"),
        ({"data": "gtsrb"}, "tells 16 classes apart; gtsrb has 43"),
    ],
)
def test_what_is_not_there_is_a_sentence(file, change, sentence):
    if change.get("data") and not data.present("gtsrb"):
        pytest.skip("the images of gtsrb are not on this machine")
    with pytest.raises(ResqError, match=sentence):
        file_flip.run(FileFlip(**{"file": file, "data": "signs", "inputs": INPUTS, **change}))


def test_the_commands_stream_what_a_page_follows(file, capsys):
    assert main(["inspect", file, "--stream"]) == 0
    total, row = map(json.loads, capsys.readouterr().out.splitlines())
    assert total == {"total": 1}
    assert row["row"]["targets"]["weights"]["words"] == 216 + 128
    assert main(["flip", file, "--data", "signs", "--bits", "7", "--range", "0..1", "--stream"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1])["row"]["bits"] == [7]
    spec = FileLayers(file, "signs", maps=1, n=16, inputs=INPUTS, cells=16)
    assert main([*spec.argv(), "--stream"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"total": spec.total} == {"total": 16}
    assert len(lines) == 17


def test_a_file_without_a_data_set_is_a_sentence(file, capsys):
    assert main(["flip", file]) == 2
    assert "say --data" in capsys.readouterr().err
