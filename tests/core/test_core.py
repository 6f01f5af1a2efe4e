"""The nouns: encodings and their names, addresses of bits, images and their hash."""

from itertools import product

import numpy as np
import pytest

from resq.core import BitFlips, Dataset, Encoding, Layout, lookup

INTEGER = [
    Encoding(bits, code, per, tmr, clip)
    for bits, code, per, tmr, clip in product(
        range(2, 9), ("affine", "symmetric", "magnitude"), ("channel", "tensor"), range(3), ("minmax", "mse")
    )
]
VALID = [*INTEGER, Encoding(32, "fp32"), Encoding(16, "fp16"), Encoding(16, "bf16")]
LAYOUT = Layout(("conv", "linear"), (3, 2), 10)


def test_every_valid_encoding_has_a_name_of_its_own_that_reads_back():
    assert [Encoding.parse(str(e)) for e in VALID] == VALID
    assert len({str(e) for e in VALID}) == len(VALID) == 255


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("int8", Encoding(8, "affine", "channel", 0)),
        ("int8-symmetric-tensor", Encoding(8, "symmetric", "tensor", 0)),
        ("int5-magnitude-tmr1", Encoding(5, "magnitude", "channel", 1)),
        ("int4-tmr2", Encoding(4, "affine", "channel", 2)),
        ("bf16", Encoding(16, "bf16")),
    ],
)
def test_names_mean_what_they_say(name, encoding):
    assert Encoding.parse(name) == encoding
    assert str(encoding) == name


@pytest.mark.parametrize(
    "name", ["", "int", "8", "uint8", "int8-", "int8-tmr3", "int8-Symmetric", "fp64", "fp32-tmr1"]
)
def test_what_is_no_encodings_name_is_refused_with_examples(name):
    with pytest.raises(ValueError, match=rf"no encoding '{name}'; expected fp32, fp16, bf16 or int2..int8"):
        Encoding.parse(name)


@pytest.mark.parametrize(
    "name", ["int8-symmetric-magnitude", "int8-channel-tensor", "int8-tmr1-tmr2", "int8-fp32"]
)
def test_a_name_that_contradicts_itself_is_refused(name):
    with pytest.raises(ValueError, match=f"no encoding '{name}'"):
        Encoding.parse(name)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"bits": 1}, "integer codes have 2 to 8 bits, got 1"),
        ({"bits": 9}, "integer codes have 2 to 8 bits, got 9"),
        ({"tmr": 3}, "0, 1 or 2 top bits can be stored three times, got 3"),
        ({"code": "gray"}, "no code 'gray'; known: affine, bf16, fp16, fp32, magnitude, symmetric"),
        ({"per": "row"}, "per channel or per tensor, got 'row'"),
        ({"bits": 8, "code": "fp32"}, "fp32 words have 32 bits"),
        (
            {"bits": 16, "code": "bf16", "tmr": 1},
            "bf16 words have 16 bits, no copies and no scale, got bits 16, tmr 1",
        ),
        (
            {"bits": 16, "code": "fp16", "per": "tensor"},
            "fp16 words .* no scale, got bits 16, tmr 0, per 'tensor'",
        ),
    ],
)
def test_an_impossible_encoding_is_refused_with_the_value_that_came(fields, said):
    with pytest.raises(ValueError, match=said):
        Encoding(**fields)


def test_four_bits_with_the_top_two_tripled_fill_one_byte():
    assert Encoding(4, tmr=2).word_bits == 8
    assert Encoding(8).word_bits == 8
    assert Encoding(8, tmr=1).word_bits == 10


MIXED = "int8-symmetric+int4-tmr2@0-2.7.20-21"


def test_layers_can_be_stored_apart_in_words_of_the_same_length():
    mixed = Encoding.parse(MIXED)
    assert str(mixed) == MIXED
    assert mixed.apart == (0, 1, 2, 7, 20, 21)
    assert [str(mixed.of(layer)) for layer in (2, 3, 7)] == ["int4-tmr2", "int8-symmetric", "int4-tmr2"]
    assert mixed.word_bits == 8
    assert Encoding(8).of(3) == Encoding(8)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("int8+int4-tmr2", "expected the numbers of the layers stored apart after @"),
        ("int8+int4-tmr2@", "expected the numbers of the layers stored apart after @"),
        ("int8+int4-tmr2@1,2", "expected the numbers of the layers stored apart after @"),
        ("int8+int4-tmr2@3.1", r"ascending numbers from 0 on, got '3\.1'"),
        ("int8+int4-tmr2@5-3", "ascending numbers from 0 on, got '5-3'"),
        ("int8+int4-tmr2@" + ".".join(["0-9999"] * 2000), "ascending numbers from 0 on, got '0-9999.0-9999"),
        ("int8+int4@1", "words of one length, such as .*, got 8-bit and 4-bit words of affine and affine"),
        ("int4-tmr2+int4-tmr2@1", "stored in another encoding, got int4-tmr2 for both"),
        ("fp32+fp32@1", "want integer codes .* of fp32 and fp32"),
        ("int8+int9@1", "integer codes have 2 to 8 bits, got 9"),
        ("int8+int8@1+int8@2", "expected the numbers of the layers"),
        ("int8-x9+int8-x9@1", "stored in another encoding, got int8-x9 for both"),
        ("int8-x2", "no encoding 'int8-x2'; expected"),
        ("int8-x101", "no encoding 'int8-x101'; expected"),
        ("int8-x3-x5", "no encoding 'int8-x3-x5'; expected"),
        ("fp32-x3", "no encoding 'fp32-x3'; expected"),
    ],
)
def test_an_encoding_that_cannot_be_is_refused(name, said):
    with pytest.raises(ValueError, match=said):
        Encoding.parse(name)


def test_bits_are_addressed_layer_by_layer_word_by_word_least_significant_first():
    assert LAYOUT.n_bits == 50
    assert LAYOUT.starts.tolist() == [0, 30, 50]
    assert LAYOUT.address("conv", 0, 0) == 0
    assert LAYOUT.address("conv", 2, 9) == 29
    assert LAYOUT.address("linear", 0, 0) == 30
    assert LAYOUT.address("linear", 1, 3) == 43


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (("norm", 0, 0), "no layer 'norm'; known: conv, linear"),
        (("conv", 3, 0), r"conv has weights 0\.\.2, got 3"),
        (("conv", -1, 0), r"conv has weights 0\.\.2, got -1"),
        (("linear", 0, 10), r"a stored word has bits 0\.\.9, got 10"),
    ],
)
def test_a_bit_that_is_not_there_is_refused_with_what_is(where, said):
    with pytest.raises(ValueError, match=said):
        LAYOUT.address(*where)


def test_flips_at_a_smaller_rate_are_those_whose_onset_it_reaches():
    flips = BitFlips(np.array([2, 5, 9]), np.array([0.03, 0.01, 0.02]))
    assert flips.at_rate(0.02).addresses.tolist() == [5, 9]
    assert len(flips.at_rate(0.0)) == 0
    assert len(flips.at_rate(0.03)) == len(flips) == 3


def _images(n: int = 6) -> Dataset:
    pixels = np.arange(n * 12, dtype=np.uint8).reshape(n, 3, 2, 2)
    return Dataset("made", "test", pixels, np.arange(n), tuple("abcdef"), groups=np.arange(n) // 2)


def test_taking_images_keeps_pixels_labels_and_groups_together():
    taken = _images().take(np.array([4, 1]))
    assert taken.y.tolist() == [4, 1]
    assert taken.groups.tolist() == [2, 0]
    assert taken.pixels[0, 0, 0, 0] == 48


@pytest.mark.parametrize("n", [0, -1, 7])
def test_more_images_than_there_are_or_none_at_all_are_refused(n):
    with pytest.raises(ValueError, match=rf"n must lie in 1\.\.6, the test images of made, got {n}"):
        _images().first(n)


def test_the_hash_of_images_changes_with_one_pixel_or_one_label():
    plain, pixel, label = _images(), _images(), _images()
    pixel.pixels[3, 1, 0, 0] ^= 1
    label.y[0] = 5
    assert len({plain.hash, pixel.hash, label.hash}) == 3
    assert plain.hash == _images().hash == plain.take(np.arange(6)).hash


def test_an_unknown_name_is_answered_with_the_known_ones_in_order():
    assert lookup("fault model", "sign", {"sign": 2, "random": 1}) == 2
    with pytest.raises(ValueError, match="no fault model 'sgn'; known: random, sign"):
        lookup("fault model", "sgn", {"sign": 2, "random": 1})
