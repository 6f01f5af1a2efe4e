"""What else is asked of a faulty model within its block: its flips are kept, or it is refused."""

import numpy as np
import pytest
import torch
from torch import nn

import resq
from resq.core.errors import ResqError
from tests import small_file

BASE = "signs/resnet20/base"


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 256, 16)).eval()


def numbers(model):
    return [value.detach().clone() for value in model.state_dict().values()]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("given", [BASE, "a module"])
@pytest.mark.parametrize("encoding", ["int8", "int4-tmr2"])
def test_a_quantized_copy_of_a_faulty_model_has_its_flips_and_keeps_them(given, encoding):
    model = small() if given == "a module" else given
    with resq.flip_bits(model, ber=0.1, encoding=encoding) as faulty:
        copied, within = resq.quantize(faulty), numbers(faulty)
    assert same(numbers(copied), within)
    assert not same(numbers(copied), numbers(resq.quantize(model, encoding)))


def test_a_faulty_model_is_not_quantized_anew_in_another_encoding():
    with resq.flip_bits(small(), ber=0.1, encoding="int8") as faulty, pytest.raises(
        ResqError, match="in words stored as int8; they cannot be in int4"
    ):  # fmt: skip
        resq.quantize(faulty, "int4")


def test_a_faulty_model_changed_within_its_block_is_flipped_as_it_is_now():
    x, _ = resq.load_images("signs", n=8)
    with resq.flip_bits(BASE, ber=1e-3) as faulty:
        with torch.no_grad():
            faulty.body.linear.weight.zero_()
            faulty.body.linear.bias.zero_()
        with resq.flip_bits(faulty, ber=0.0) as again, torch.no_grad():
            assert not again(x).any()
        with torch.no_grad():
            assert not resq.quantize(faulty)(x).any()


def test_which_parameters_are_stored_is_not_said_anew_of_a_faulty_model():
    said = "those of this faulty model are, 0.weight, got 3.weight; layers says where bits flip"
    with resq.flip_bits(small(), ber=0.1, weights=["0.weight"]) as faulty:
        with pytest.raises(ResqError, match=said):
            resq.flip_bits(faulty, ber=0.1, weights=["3.weight"]).__enter__()
        with pytest.raises(ResqError, match=said):
            resq.quantize(faulty, weights="3.weight")


def test_a_faulty_model_is_flipped_again_however_many_others_were_measured_meanwhile():
    model = small()
    with resq.flip_bits(model, ber=0.1) as faulty:
        for width in range(1, 7):
            resq.quantize(nn.Linear(2, width + 1))
        with resq.flip_bits(faulty, ber=0.1) as twice:
            assert same(numbers(twice), numbers(resq.quantize(model)))


def test_flips_within_flips_of_a_deployed_file_meet_the_same_words(tmp_path):
    file, x = str(small_file.made(tmp_path)), np.random.default_rng(0).random((4, 3, 8, 8), np.float32)
    with resq.load(file, inputs="range 0,1") as model:
        clean = model.logits(x)
        with resq.flip_bits(model, ber=0.05, seed=1) as once:
            assert not np.array_equal(once.logits(x), clean)
            with resq.flip_bits(once, ber=0.05, seed=1) as twice:
                assert np.array_equal(twice.logits(x), clean)  # every bit flipped twice
            for asked in (
                lambda: resq.sweep(once, x, [0, 1, 2, 3], ber=0),
                lambda: resq.sensitivity(once, x, [0, 1, 2, 3]),
                lambda: resq.load(once, targets="biases"),
            ):
                with pytest.raises(ResqError, match="flipped in its runtime alone"):
                    asked()


@pytest.mark.parametrize(
    ("name", "value", "listed"),
    [("layers", "3.weight", ["3.weight"]), ("planes", 7, (7,)), ("seed", np.int64(3), 3)],
)
def test_one_name_or_number_is_taken_for_a_list_of_one(name, value, listed):
    model = small()
    with (
        resq.flip_bits(model, ber=0.1, **{name: value}) as one,
        resq.flip_bits(model, ber=0.1, **{name: listed}) as many,
    ):
        assert same(numbers(one), numbers(many))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ber": "1e-3"}, "ber is a number or several, such as 1e-3 or .*, got '1e-3'"),
        ({"ber": [0, 0.1]}, "ber is one number, got 2"),
        ({"map": -1}, "map must be at least 0, got -1"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"seed": 1.5}, "seed is a whole number, such as 10, got 1.5"),
        ({"planes": "7"}, "planes is a whole number, such as 10, got '7'"),
        ({"layers": [3]}, "layers is a name or several, got 3"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(asked, said):
    with pytest.raises(ResqError, match=said):
        resq.flip_bits(small(), **{"ber": 0.1, **asked}).__enter__()
