"""Floats to stored words and back: codes by hand, torch's roundings, copies read by majority."""

from itertools import product

import numpy as np
import pytest
import torch

from resq.core import Encoding, QuantizedTensor
from resq.memory.quant import codes, dequantize, quantize, values, word_type
from resq.training.tuning import device_quant

TMR = [*product((3, 4, 5, 8), (1, 2), ("affine", "symmetric", "magnitude"))]


def _words(numbers: list[float], name: str) -> list[int]:
    return quantize(np.array([numbers], dtype=np.float32), Encoding.parse(name)).words[0].tolist()


def _read(words: list[int], name: str) -> list[float]:
    encoding = Encoding.parse(name)
    return values(np.array(words, word_type(encoding)), np.float32(1), np.float32(0), encoding).tolist()


def _every_word(encoding: Encoding) -> QuantizedTensor:
    top = 2 ** (encoding.bits - 1) - 1
    numbers = np.arange(2**encoding.bits) if encoding.code == "affine" else np.arange(-top, top + 1)
    return quantize(numbers[None].astype(np.float32), encoding)


def _with_words(q: QuantizedTensor, words: np.ndarray) -> np.ndarray:
    return dequantize(QuantizedTensor(words.astype(q.words.dtype), q.scale, q.zero, q.encoding))


def test_twos_complement_words_by_hand():
    assert _words([-7, -1, 0, 1, 7], "int4-symmetric") == [0b1001, 0b1111, 0b0000, 0b0001, 0b0111]
    assert _words([-127, -2, 0, 64, 127], "int8-symmetric") == [0x81, 0xFE, 0x00, 0x40, 0x7F]


def test_twos_complement_is_never_stored_as_the_most_negative_code_but_is_read_as_it():
    assert 0b1000 not in quantize(np.linspace(-1, 1, 999)[None], Encoding.parse("int4-symmetric")).words
    assert _read([0b1000, 0b0111, 0b1111], "int4-symmetric") == [-8, 7, -1]
    assert _read([0x80], "int8-symmetric") == [-128]


def test_flipping_the_sign_bit_of_a_zero_gives_the_most_negative_code():
    q = quantize(np.array([[0, 3.5]]), Encoding.parse("int4-symmetric"))  # scale 3.5 / 7
    assert _with_words(q, q.words ^ [[0b1000, 0]]).tolist() == [[-8 * 0.5, 3.5]]


def test_sign_magnitude_words_by_hand():
    assert _words([-7, -1, 0, 1, 7], "int4-magnitude") == [0b1111, 0b1001, 0b0000, 0b0001, 0b0111]


def test_a_flipped_sign_of_a_sign_magnitude_word_negates_it_and_there_are_two_zeros():
    assert _read([0b0101, 0b1101, 0b0000, 0b1000], "int4-magnitude") == [5, -5, 0, 0]


def test_affine_words_by_hand():
    q = quantize(np.array([[-1, 0, 2], [0, 5, 15]]), Encoding.parse("int2"))
    assert q.scale.tolist() == [1, 5]
    assert q.zero.tolist() == [1, 0]
    assert q.words.tolist() == [[0, 1, 3], [0, 1, 3]]
    assert dequantize(q).tolist() == [[-1, 0, 2], [0, 5, 15]]


def test_one_scale_per_tensor_serves_all_channels():
    q = quantize(np.array([[-1, 0, 2], [0, 5, 14]]), Encoding.parse("int4-tensor"))
    assert q.scale.tolist() == [1]
    assert q.words.tolist() == [[0, 1, 3], [1, 6, 15]]


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (10, 64)])
def test_affine_per_channel_is_torchs_fake_quantize(bits, shape):
    weight = np.random.default_rng(bits).normal(0, 0.1, shape).astype(np.float32)
    q = quantize(weight, Encoding(bits))
    top = 2**bits - 1
    theirs = torch.fake_quantize_per_channel_affine(
        torch.from_numpy(weight), torch.from_numpy(q.scale), torch.from_numpy(q.zero).int(), 0, 0, top
    ).numpy()
    # torch rounds zero + w * (1 / scale), we round w / scale: only a weight within rounding of the middle
    # between two steps may go to the other one, so those are left out (none to a few of a thousand).
    scale = q.scale.reshape(-1, *[1] * (len(shape) - 1)).astype(np.float64)
    tie = np.abs(np.abs(weight / scale % 1) - 0.5) < 1e-4
    assert tie.mean() < 0.005
    np.testing.assert_array_max_ulp(dequantize(q)[~tie], theirs[~tie], maxulp=1)


def test_a_weight_in_the_middle_between_two_steps_goes_to_the_even_one():
    assert _words([0, 0.5, 1.5, 2.5, 3], "int2") == [0, 0, 2, 2, 3]
    assert _words([-7, -2.5, 0.5, 1.5, 7], "int4-magnitude") == [0b1111, 0b1010, 0, 2, 7]


@pytest.mark.parametrize(
    "name", ["int8", "int8-tensor", "int5-symmetric", "int3-magnitude-tensor", "int4-tmr2"]
)
def test_no_weight_is_further_than_half_a_step_from_what_is_read(name):
    weight = np.random.default_rng(0).normal(0.02, 0.1, (20, 300)).astype(np.float32)
    q = quantize(weight, Encoding.parse(name))
    assert (np.abs(dequantize(q) - weight) <= q.scale[:, None] * 0.5001).all()


@pytest.mark.parametrize("name", ["int8", "int8-symmetric", "int4-magnitude-tmr1", "int4-tmr2", "int2"])
def test_a_channel_of_equal_weights_has_the_step_one(name):
    q = quantize(np.zeros((2, 5)), Encoding.parse(name))
    assert q.scale.tolist() == [1, 1]
    assert not dequantize(q).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=r"a weight of shape \(1, 3\) holds NaN or infinity"):
        quantize(np.array([[0, bad, 1]]), Encoding(8))


def test_float32_words_by_hand():
    assert _words([1.0, -2.0, 0.15625], "fp32") == [0x3F800000, 0xC0000000, 0x3E200000]
    assert _read([0x3F800000 ^ 1 << 30], "fp32") == [np.inf]
    assert _read([0x3F800000 ^ 1 << 31], "fp32") == [-1]


def test_bfloat16_words_by_hand():
    assert _words([1.0, -2.0, 0.15625], "bf16") == [0x3F80, 0xC000, 0x3E20]
    # 1 + 1/256 is in the middle between 0x3F80 and 0x3F81, 1 + 3/256 between 0x3F81 and 0x3F82.
    assert _words([1 + 1 / 256, 1 + 3 / 256], "bf16") == [0x3F80, 0x3F82]


@pytest.mark.parametrize(("name", "kind"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_short_floats_are_rounded_as_torch_rounds_them(name, kind):
    words = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint32)
    ties = (words & np.uint32(0xFFFF0000)) | np.uint32(0x8000)
    weight = np.concatenate([words, ties, np.arange(1000, dtype=np.uint32)]).view(np.float32)
    weight = weight[np.isfinite(weight) & (np.abs(weight) < (6e4 if name == "fp16" else 3e38))][None]
    expected = torch.from_numpy(weight).to(kind)
    q = quantize(weight, Encoding.parse(name))
    assert np.array_equal(q.words, expected.view(torch.uint16).numpy())
    assert np.array_equal(dequantize(q), expected.float().numpy())


def test_words_take_the_smallest_unsigned_type_that_holds_them():
    types = {
        name: word_type(Encoding.parse(name)) for name in ("int8", "int4-tmr2", "int8-tmr1", "bf16", "fp32")
    }
    assert types == {"int8": "u1", "int4-tmr2": "u1", "int8-tmr1": "u2", "bf16": "u2", "fp32": "u4"}


def test_the_copies_of_the_top_bits_lie_above_the_code():
    # 0b10 becomes 00 11 10: two copies of the bit below the top, two of the top bit, the code itself.
    assert _every_word(Encoding(2, tmr=2)).words[0].tolist() == [0b000000, 0b110001, 0b001110, 0b111111]
    assert _every_word(Encoding(3, tmr=1)).words[0, 4:].tolist() == [0b11100, 0b11101, 0b11110, 0b11111]


@pytest.mark.parametrize(("bits", "tmr", "code"), TMR)
def test_the_voted_reading_of_a_fault_free_word_is_the_word_itself(bits, tmr, code):
    plain, tripled = (_every_word(Encoding(bits, code, tmr=t)) for t in (0, tmr))
    assert np.array_equal(dequantize(tripled), dequantize(plain))
    assert np.array_equal(tripled.words & (2**bits - 1), plain.words)


@pytest.mark.parametrize(("bits", "tmr", "code"), TMR)
def test_any_single_flip_among_three_copies_is_corrected_in_every_word(bits, tmr, code):
    q = _every_word(Encoding(bits, code, tmr=tmr))
    copies = [(bits - 1 - i, bits + 2 * i, bits + 2 * i + 1) for i in range(tmr)]
    one_in_each = [sum(1 << bit for bit in chosen) for chosen in product(*copies)]
    singles = [1 << bit for bit in sum(copies, ())]
    for mask in [*singles, *one_in_each]:
        assert np.array_equal(_with_words(q, q.words ^ mask), dequantize(q))


@pytest.mark.parametrize(("bits", "tmr", "code"), TMR)
def test_two_flips_among_three_copies_outvote_the_third_in_every_word(bits, tmr, code):
    q = _every_word(Encoding(bits, code, tmr=tmr))
    plain = _every_word(Encoding(bits, code))
    for i in range(tmr):
        top, first, second = bits - 1 - i, bits + 2 * i, bits + 2 * i + 1
        as_if = _with_words(plain, plain.words ^ (1 << top))
        for pair in ((top, first), (top, second), (first, second)):
            assert np.array_equal(_with_words(q, q.words ^ sum(1 << bit for bit in pair)), as_if)


@pytest.mark.parametrize(("bits", "tmr", "code"), TMR)
def test_a_flip_of_a_bit_without_copies_is_read_as_without_protection(bits, tmr, code):
    q, plain = (_every_word(Encoding(bits, code, tmr=t)) for t in (tmr, 0))
    for bit in range(bits - tmr):
        assert np.array_equal(
            _with_words(q, q.words ^ (1 << bit)), _with_words(plain, plain.words ^ (1 << bit))
        )


def test_the_shared_table_of_codes_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        codes(Encoding(8))[0] = 1


@pytest.mark.parametrize("name", ["int4", "int3-symmetric", "int4-tensor", "int4-tmr2"])
def test_the_range_of_least_squares_errs_less_on_few_bits_and_never_more(name):
    rng = np.random.default_rng(3)
    weight = rng.standard_t(4, (8, 500)).astype(np.float32)  # heavy tails: a wide range wastes codes
    plain, fitted = (
        np.square(dequantize(quantize(weight, Encoding.parse(text))) - weight).mean(axis=1)
        for text in (name, f"{name}-mse")
    )
    if "tensor" not in name:  # one range for all rows may cost a single row
        assert (fitted <= plain).all()
    assert fitted.mean() < 0.95 * plain.mean()


def test_the_range_of_least_squares_keeps_five_standard_deviations():
    weight = np.random.default_rng(3).normal(size=(4, 4000)).astype(np.float32)
    q = quantize(weight, Encoding.parse("int2-mse"))
    assert (q.scale * 3 >= 4.99 * weight.std(axis=1)).all()


@pytest.mark.parametrize("name", ["int8", "int8-tensor", "int4", "int4-tmr2", "int8-symmetric"])
def test_a_row_of_equal_weights_is_read_back_as_it_is(name):
    """A mean filter is nine times 1/9: it was rounded to whole numbers, 0."""
    weight = np.full((3, 9), 1 / 9, np.float32) * np.array([[1], [-1], [1]], np.float32)
    weight = weight[:1] if name == "int8-tensor" else weight
    read = dequantize(quantize(weight, Encoding.parse(name)))
    assert np.allclose(read, weight, rtol=1e-6)
    assert np.array_equal(dequantize(quantize(0 * weight, Encoding.parse(name))), 0 * weight)
    on_device = device_quant.quantize(torch.from_numpy(weight), Encoding.parse(name))
    assert np.allclose(on_device.read(), weight, rtol=1e-6)
