"""One word and its flips: the bits that are shown are those in memory, whatever it is read as."""

import json

import numpy as np
import pytest

from resq import checkpoints
from resq.cli import main
from resq.core import Encoding
from resq.measure.run.one_flip import single_bit
from resq.memory import flipping, quant
from resq.memory.guards import layers as guarded
from tests.pages import fine
from tests.views.test_app import NAME, opened, said

LAYER, WEIGHT = "layer1.0.conv1.weight", 37
ENCODINGS = ["int8", "int4-tmr2", "int8-x3", "int8-secded", "int4-secded", "int8-spw", "int8-cep",
             "int8-symmetric-inplace", "fp16-mset", "fp16-limits", "int8-radar32"]  # fmt: skip


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_word_is_shown_as_it_lies_in_memory_before_and_after_its_flips(name):
    """A flip that a code undoes left no trace in it, and words with a code inside were those as read."""
    model = checkpoints.load(NAME).quantized(Encoding.parse(name))
    lab = single_bit.BitExperiment(NAME, name, LAYER, WEIGHT, flips=(0, 3))
    flips = single_bit.flips(model, lab)
    faulty = flipping.flip(model, flips)
    shown = single_bit.reading(model, faulty, LAYER, WEIGHT, flips)
    held = int(guarded.written(model.weights[LAYER])[0][WEIGHT])
    assert shown.words == (held, held ^ 0b1001)
    weights = [float(quant.dequantize(m.weights[LAYER]).reshape(-1)[WEIGHT]) for m in (model, faulty)]
    assert np.array_equal(shown.values, weights, equal_nan=True)


def test_flips_of_other_words_leave_it_as_it_is():
    model = checkpoints.load(NAME).quantized(Encoding.parse("int8-secded"))
    lab = single_bit.BitExperiment(NAME, "int8-secded", LAYER, WEIGHT + 1, flips=(0, 7))
    flips = single_bit.flips(model, lab)
    for word, changed in ((WEIGHT, 0), (WEIGHT + 1, 0x81), (WEIGHT + 2, 0)):
        before, after = single_bit.reading(model, flipping.flip(model, flips), LAYER, word, flips).words
        assert before ^ after == changed


def test_the_command_tells_the_stored_word_and_the_weight_that_a_code_gives_back(capsys):
    asked = [
        "flip",
        NAME,
        "--encoding",
        "int8-secded",
        "--layer",
        LAYER,
        "--weight",
        str(WEIGHT),
        "--bits",
        "7",
    ]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["word"][0] ^ found["word"][1] == 0x80
    assert found["code"][0] == found["code"][1]
    assert found["value"][0] == found["value"][1]


def test_the_bit_lab_shows_the_flipped_bit_and_says_that_the_guard_undoes_it():
    app = opened("bitlab", enc="int8-secded", layer="layer1.0.conv1", w=str(WEIGHT), flip="7")
    fine(app)
    before = checkpoints.load(NAME).quantized(Encoding.parse("int8")).weights[LAYER].words.reshape(-1)[WEIGHT]
    assert app.button(key="bit_7").label == f"{int(before) >> 7 ^ 1} 7"
    assert "The guard `secded` undoes what is flipped: the weight is read as before." in said(app)
