"""Six formats of one number, against numpy's and torch's own."""

import numpy as np
import pytest
import torch

from resq.core import Encoding
from resq.memory import number_formats as formats
from resq.memory import quant

NUMBERS = np.random.default_rng(0).normal(0, 0.1, 200).astype(np.float32)
TORCH = {"fp8 e4m3": torch.float8_e4m3fn, "fp8 e5m2": torch.float8_e5m2}


@pytest.mark.parametrize("name", TORCH)
def test_eight_bit_floats_are_torchs(name):
    words = torch.arange(256, dtype=torch.int32).to(torch.uint8)
    own = words.view(TORCH[name]).float().numpy()
    assert np.array_equal(formats.values(name), own, equal_nan=True)
    stored = torch.from_numpy(NUMBERS).to(TORCH[name]).view(torch.uint8).tolist()
    assert [formats.store(name, float(x), 0) for x in NUMBERS] == stored


def test_half_precision_is_numpys_and_bfloat16_the_labs():
    words = np.arange(1 << 16, dtype=np.uint16)
    assert np.array_equal(formats.values("fp16"), words.view(np.float16).astype(float), equal_nan=True)
    with np.errstate(invalid="ignore"):  # of words that are no numbers
        upper = (words.astype(np.uint32) << 16).view(np.float32).astype(float)
    assert np.array_equal(formats.values("bf16"), upper, equal_nan=True)
    half = NUMBERS.astype(np.float16).view(np.uint16).tolist()
    assert [formats.store("fp16", float(x), 0) for x in NUMBERS] == half
    assert [formats.store("bf16", float(x), 0) for x in NUMBERS] == quant.bfloat16(NUMBERS).tolist()


def test_a_code_is_the_nearest_step_of_its_scale():
    assert formats.store("int8-symmetric", 0.5, 1.27) == 50
    assert formats.store("int4-symmetric", -0.7, 0.7) == 9  # -7 in two's complement
    assert formats.read("int4-symmetric", 9 ^ 8, 0.7) == pytest.approx(0.1)  # the sign bit counts -8
    assert formats.store("int8-symmetric", 0.0, 0.0) == 0


@pytest.mark.parametrize("name", ["int8-symmetric", "int4-symmetric"])
def test_a_code_is_the_labs_word_of_the_encoding_of_the_same_name(name):
    weights = NUMBERS.reshape(4, 50)
    words = np.asarray(quant.quantize(weights, Encoding.parse(name)).words).reshape(weights.shape)
    for stored, row in zip(words, weights, strict=True):
        largest = float(np.abs(row).max())
        assert stored.tolist() == [formats.store(name, float(x), largest) for x in row]


def test_bits_say_what_they_are():
    kinds = [formats.FORMATS["fp16"].kind(bit) for bit in (15, 14, 10, 9, 0)]
    assert kinds == ["sign", "exponent", "exponent", "mantissa", "mantissa"]
    assert {name: form.bits for name, form in formats.FORMATS.items()} == {
        "fp16": 16, "bf16": 16, "fp8 e4m3": 8, "fp8 e5m2": 8, "int8-symmetric": 8, "int4-symmetric": 4,
    }  # fmt: skip
