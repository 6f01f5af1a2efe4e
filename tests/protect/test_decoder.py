"""The decoder in C against the one in Python: the same codes for the same struck memory, a million words."""

import numpy as np
import pytest

from resq.core import Encoding, QuantizedModel, QuantizedTensor
from resq.core.types import CHECKS
from resq.memory import faults, flipping, quant
from resq.memory.guards.layers import Stored
from resq.protect import decoder

pytestmark = pytest.mark.skipif(not decoder.compiler(), reason="no C compiler here")
NAMES = ["int4", "int4-tmr1", "int6-symmetric-x3", "int4-tmr2-x9",
         "int8", "int8-symmetric", "int4-tmr2", "int6-tmr1", "int8-x3", "int4-tmr2-x3", "int8-secded",
         "int8-secded0", "int8-symmetric-secded0", "int8-spw", "int4-tmr2-spw", "int4-tmr2-secded0",
         "int8-symmetric-inplace", "int8-tmr1", "int8-symmetric-tmr2", "int8-symmetric-radar32",
         "int8-radar8",
         "int8-magnitude-radar512", "int8-magnitude-cep", "int8-cep"]  # fmt: skip
MILLION = 1_000_000


def _struck(model: QuantizedModel, rate: float) -> tuple[QuantizedModel, np.ndarray, np.ndarray]:
    """The model as Python reads it under flips, and the struck words and checks as bytes."""
    flips = faults.random(faults.region(model), rate, rng=np.random.default_rng(4))
    layout, memory = model.layout, np.zeros(model.n_bits, bool)
    memory[flips.addresses] = True
    stored = Stored(model)["w"].words if model.guarded else model.weights["w"].words.reshape(-1)
    copies = model.weights["w"].encoding.copies
    width = model.weights["w"].encoding.word_bits
    each = (np.tile(stored, copies)[:, None] >> np.arange(width).astype(stored.dtype) & 1).astype(bool)
    bits = each.reshape(-1)
    if model.guarded and w_checks(model):
        words, length = Stored(model)[f"w{CHECKS}"].words, int(layout.lengths[1])
        own = (words[:, None] >> np.arange(length).astype(words.dtype) & 1).astype(bool).reshape(-1)
        bits = np.concatenate([bits, own])
    struck, cut = bits ^ memory, int(layout.starts[1])
    return flipping.flip(model, flips), *(
        np.packbits(part, bitorder="little") for part in (struck[:cut], struck[cut:])
    )


def w_checks(model: QuantizedModel) -> int:
    q = model.weights["w"]
    return q.encoding.checks(q.words.size)[0]


@pytest.mark.parametrize("rate", [0.0, 1e-3, 0.03])
@pytest.mark.parametrize("name", NAMES)
def test_c_reads_a_million_words_as_python_does(name, rate):
    encoding = Encoding.parse(name)
    weight = np.random.default_rng(1).normal(0.05, 1, (8, MILLION // 8)).astype(np.float32)
    model = QuantizedModel({"w": quant.quantize(weight, encoding)}, {})
    faulty, words, checks = _struck(model, rate)
    q: QuantizedTensor = faulty.weights["w"]
    zero = quant.zeros(q)[:: MILLION // len(q.scale)] if encoding.code == "affine" else np.zeros(1, np.uint8)
    read = decoder.read(words, checks, MILLION, encoding, zero)
    expected = quant.codes(encoding.word).take(q.words.reshape(-1))
    assert np.array_equal(quant.codes(encoding.once).take(read), expected)
    if rate > 0.01:
        assert not np.array_equal(
            expected, quant.codes(encoding.word).take(model.weights["w"].words.reshape(-1))
        )


@pytest.mark.parametrize("n", [1, 7, 8, 9, 45])
@pytest.mark.parametrize(
    "name", ["int8-secded0", "int8-symmetric-inplace", "int8-spw", "int8-symmetric-radar8"]
)
def test_the_last_words_of_a_layer_that_is_no_multiple_of_eight_are_read_too(name, n):
    model = QuantizedModel(
        {"w": quant.quantize(np.random.default_rng(n).normal(0, 1, (1, n)), Encoding.parse(name))}, {}
    )
    faulty, words, checks = _struck(model, 0.05)
    q = faulty.weights["w"]
    read = decoder.read(words, checks, n, q.encoding, quant.zeros(q)[:1])
    expected = quant.codes(q.encoding.word).take(q.words.reshape(-1))
    assert np.array_equal(quant.codes(q.encoding.once).take(read), expected)


def test_the_source_is_about_a_page():
    lines = decoder.SOURCE.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 120


def test_words_that_it_does_not_read_are_refused():
    with pytest.raises(
        ValueError,
        match="codes of up to 8 bits, or words of a byte under secded, secded0, spw, inplace, radar8",
    ):
        decoder.read(
            np.zeros(4, np.uint8), np.zeros(0, np.uint8), 1, Encoding.parse("fp32"), np.zeros(1, np.uint8)
        )
