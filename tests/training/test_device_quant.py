"""Words made where the weights lie are those of the memory engine; their flips have its law."""

import numpy as np
import pytest
import torch
from torch import nn

from resq.core import BitFlips, Encoding, QuantizedModel
from resq.memory import flipping, quant
from resq.training.tuning import device_quant

NAMES = ("int8", "int4-tmr2", "int4", "int3-symmetric", "int8-magnitude-tmr1", "int8-symmetric-tensor",
         "int5-magnitude", "int2", "int2-symmetric")  # fmt: skip
SHAPES = ((16, 8, 3, 3), (10, 64), (4, 1, 1, 1))


def weight(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Weights of which one channel is constant, where there are several in a channel."""
    found = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    found[-1] = 0.3
    return found


def flipped(w: np.ndarray, encoding: Encoding, addresses: np.ndarray) -> np.ndarray:
    """What the memory engine reads of a weight with these bits flipped."""
    model = QuantizedModel({"w": quant.quantize(w, encoding)}, {})
    after = flipping.flip(model, BitFlips(addresses, np.zeros(len(addresses))))
    return quant.dequantize(after.weights["w"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
def test_words_and_what_they_are_read_as_are_those_of_the_engine(name, shape):
    encoding, w = Encoding.parse(name), weight(shape)
    expected, found = quant.quantize(w, encoding), device_quant.quantize(torch.from_numpy(w), encoding)
    assert np.array_equal(found.words.numpy().reshape(shape), expected.words)
    assert np.array_equal(found.read().numpy(), quant.dequantize(expected))


@pytest.mark.parametrize("name", NAMES)
def test_with_every_bit_flipped_they_are_read_as_the_engine_reads_them(name):
    encoding, w = Encoding.parse(name), weight((10, 64))
    found = device_quant.quantize(torch.from_numpy(w), encoding)
    rng = torch.Generator().manual_seed(0)
    every = np.arange(w.size * encoding.word_bits)
    assert np.array_equal(found.flipped(1.1, rng).numpy(), flipped(w, encoding, every))
    assert torch.equal(found.flipped(0.0, rng), found.read())


def test_flips_come_at_the_rate_asked_for_of_each_layer_and_again_with_the_same_seed():
    body = nn.Sequential(nn.Linear(300, 100), nn.Linear(300, 100))
    close = device_quant.quantize_weights(body, ("0.weight", "1.weight"), Encoding.parse("int8"))
    found, again = (
        device_quant.flipped(close, [0.001, 0.05], torch.Generator().manual_seed(3)) for _ in range(2)
    )
    for name, rate in (("0.weight", 0.001), ("1.weight", 0.05)):
        hit = float((found[name] != close[name].read()).float().mean())
        expected = 1 - (1 - rate) ** 8  # a word of 8 bits is read anew as soon as one of them flips
        assert abs(hit - expected) < 5 * (expected / 30_000) ** 0.5
        assert torch.equal(found[name], again[name])


def test_layers_stored_apart_have_their_own_words():
    body = nn.Sequential(nn.Linear(30, 10), nn.Linear(30, 10))
    mixed = Encoding.parse("int8+int4-tmr2@1")
    close = device_quant.quantize_weights(body, ("0.weight", "1.weight"), mixed)
    for i, name in enumerate(close):
        w = body[i].weight.detach().numpy()
        assert np.array_equal(close[name].read().numpy(), quant.dequantize(quant.quantize(w, mixed.of(i))))


@pytest.mark.parametrize(
    ("name", "there"), [("int4-tmr2", True), ("fp32", False), ("int4-mse", False), ("int8+int8-x9@1", False)]
)
def test_words_that_are_made_otherwise_are_left_to_the_engine(name, there):
    assert device_quant.supports(Encoding.parse(name), 2) is there


def test_convolutions_keep_their_order_in_memory():
    w = torch.randn(8, 4, 3, 3).contiguous(memory_format=torch.channels_last)
    read = device_quant.quantize(w, Encoding.parse("int8")).read()
    assert read.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(read, w, atol=0.02)
