"""What is stored beside the weights' words: scales, zero points, norms and biases, as words of their own.

Two forms. "fp32" keeps every number as a word of single precision, as the file of a trained network has them.
"folded" is what an integer accelerator keeps: norms are folded into the layer before them, so that a channel
has one scale, one zero point and one bias; scales and biases are 16-bit integers times a power of two that a
tensor shares, zero points are codes. A flipped bit of such an integer moves it by at most the range of its
tensor, where a flipped exponent of single precision moves it by up to 2^128. The shared exponents, 8 bits
each and few, are stored three times as often as the rest.

Every number is stored ``copies`` times, one whole copy after the other, and each bit is read by majority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from resq.core import FLOATS, BitFlips, Layout, QuantizedModel, QuantizedTensor, seeds
from resq.memory import bits
from resq.memory.faults import FAULTS, region

SCALE, ZERO, EXPONENT = "|scale", "|zero", "|exponent"
MOST, BIAS = 32767, 128  # of a 16-bit integer; what is added to an exponent so that it is not negative


@dataclass(frozen=True, eq=False)
class Numbers:
    """One tensor of numbers as words.

    Attributes:
        words: unsigned integers, flat; the low ``width`` bits count.
        form: "fp32"; "integer", two's complement times two to the power of the exponent beside it; "code",
            the number itself; or "exponent".
        shape: of the tensor.
    """

    words: np.ndarray
    width: int
    copies: int
    form: str
    shape: tuple[int, ...]

    @property
    def n_bits(self) -> int:
        """Stored bits, copies included."""
        return self.words.size * self.width * self.copies


@dataclass(frozen=True, eq=False)
class Struck:
    """Flips of the weights' words and of the numbers beside them; a smaller rate has a part of both.

    Attributes:
        beside: width of the words -> the flips of all words so wide.
    """

    words: BitFlips
    beside: Mapping[int, BitFlips]

    def __len__(self) -> int:
        return len(self.words) + sum(map(len, self.beside.values()))

    def at_rate(self, rate: float) -> Struck:
        """The flips of the same map at a smaller rate."""
        return Struck(
            self.words.at_rate(rate), {width: flips.at_rate(rate) for width, flips in self.beside.items()}
        )


@dataclass(frozen=True, eq=False)
class Beside:
    """All numbers stored beside the words of a model.

    Attributes:
        tensors: by name; "LAYER|scale" and "LAYER|zero" are those of a layer's words, "NAME|exponent" is the
            exponent of NAME, the others are the network's parameters and buffers.
    """

    tensors: Mapping[str, Numbers]

    @cached_property
    def layouts(self) -> dict[int, Layout]:
        """Width -> where the words of that width lie; each of them is a memory of its own."""
        layouts = {}
        for width in sorted({t.width for t in self.tensors.values()}):
            own = self._of(width)
            counts = tuple(t.words.size * t.copies for t in own.values())
            layouts[width] = Layout(tuple(own), counts, width)
        return layouts

    @property
    def n_bits(self) -> int:
        """Stored bits, copies included."""
        return sum(t.n_bits for t in self.tensors.values())

    def drawn(self, fault: str, rate: float, seed: int, number: int) -> dict[int, BitFlips]:
        """The flips of one fault map. Weights under the same map flip as they do without these."""
        flips = {}
        for width, layout in self.layouts.items():
            where = region(layout, words=self._of(width))
            rng = seeds.rng(seed, "map", number, "beside", width)
            flips[width] = FAULTS[fault](where, rate, rng=rng)
        return flips

    def read(self, flips: Mapping[int, BitFlips]) -> dict[str, np.ndarray]:
        """The tensors that are read as other numbers under the flips, float32 in their shapes."""
        words = {name: t.words for name, t in self.tensors.items()}
        for width, own in flips.items():
            words.update(self._misread(width, own.addresses))
        touched = {
            name.removesuffix(EXPONENT) for name, t in self.tensors.items() if words[name] is not t.words
        }
        return {name: self._values(name, words) for name in touched}

    def values(self) -> dict[str, np.ndarray]:
        """What all tensors are read as without faults, float32; exponents aside."""
        words = {name: t.words for name, t in self.tensors.items()}
        return {name: self._values(name, words) for name, t in self.tensors.items() if t.form != "exponent"}

    def _of(self, width: int) -> dict[str, Numbers]:
        return {name: t for name, t in self.tensors.items() if t.width == width}

    def _misread(self, width: int, at: np.ndarray) -> dict[str, np.ndarray]:
        """The words in which a bit is read wrong, by tensor: more than half of its copies are flipped."""
        starts, misread = self.layouts[width].starts, {}
        cuts = np.searchsorted(at, starts)
        for i, (name, t) in enumerate(self._of(width).items()):
            local = at[cuts[i] : cuts[i + 1]] - starts[i]
            places, votes = np.unique(local % (t.words.size * width), return_counts=True)
            wrong = places[votes > t.copies // 2]
            if len(wrong):
                index, mask = bits.masks(wrong, width, t.words.dtype)
                misread[name] = t.words.copy()
                misread[name][index] ^= mask
        return misread

    def _values(self, name: str, words: Mapping[str, np.ndarray]) -> np.ndarray:
        t = self.tensors[name]
        if t.form == "fp32":
            return words[name].view(np.float32).reshape(t.shape)
        if t.form == "code":
            return words[name].astype(np.float32).reshape(t.shape)
        power = int(words[name + EXPONENT][0]) - BIAS
        with np.errstate(over="ignore"):  # a flipped exponent may leave single precision: infinity is read
            return np.ldexp(words[name].view(np.int16).astype(np.float32), power).reshape(t.shape)


def plain(model: QuantizedModel, copies: int) -> Beside:
    """The "fp32" form: scales, zero points and all parameters and buffers that are no words of weights."""
    # A file's tensors come in another order in every process: sorted, a seed strikes the same ones.
    numbers = {name: value for name, value in sorted(model.floats.items()) if value.dtype.kind == "f"}
    floats = {**_scales(model), **numbers}
    return Beside({name: _single(value, copies) for name, value in floats.items()})


def folded(model: QuantizedModel, others: Mapping[str, np.ndarray], copies: int) -> Beside:
    """The "folded" form.

    Args:
        model: its scales already multiplied by what the folded norms multiply channels by.
        others: the parameters and buffers that are left, float32: biases, and norms that fold into nothing.
    """
    tensors: dict[str, Numbers] = {}
    for name, value in {**_scales(model), **others}.items():
        if name.endswith(ZERO):
            tensors[name] = _codes(value, model.weights[name.removesuffix(ZERO)].encoding.bits, copies)
        else:
            tensors |= _integers(name, value, copies)
    return Beside(tensors)


def _scales(model: QuantizedModel) -> dict[str, np.ndarray]:
    """Scales of integer codes, and the zero points of those that have them."""
    scales = {}
    for name, q in model.weights.items():
        if q.encoding.code not in FLOATS:
            scales[name + SCALE] = q.scale
        if q.encoding.code == "affine":
            scales[name + ZERO] = q.zero
    return scales


def _single(value: np.ndarray, copies: int) -> Numbers:
    words = np.ascontiguousarray(value, np.float32).reshape(-1).view(np.uint32)
    return Numbers(words, 32, copies, "fp32", value.shape)


def _codes(value: np.ndarray, width: int, copies: int) -> Numbers:
    """Zero points, which lie among the codes."""
    assert ((value >= 0) & (value < 2**width)).all(), "quantized with zero in the range"
    return Numbers(value.reshape(-1).astype(np.uint8), width, copies, "code", value.shape)


def _integers(name: str, value: np.ndarray, copies: int) -> dict[str, Numbers]:
    """A tensor as 16-bit integers, and the exponent of their unit: the smallest that reaches the largest."""
    largest = float(np.abs(value).max(initial=0))
    power = int(np.ceil(np.log2(largest / MOST))) if largest else -BIAS
    power = max(-BIAS, power)
    whole = np.rint(np.ldexp(value.reshape(-1).astype(np.float64), -power)).astype(np.int16)
    exponent = Numbers(np.array([power + BIAS], np.uint8), 8, min(3 * copies, 99), "exponent", (1,))
    return {
        name: Numbers(whole.view(np.uint16), 16, copies, "integer", value.shape),
        name + EXPONENT: exponent,
    }


def rescaled(model: QuantizedModel, factors: Mapping[str, np.ndarray]) -> QuantizedModel:
    """The model with each layer's scales multiplied by the factors of its channels.

    ``factors`` are float32 (output channels,) by layer.
    """
    weights = {
        name: QuantizedTensor(q.words, q.scale * factors.get(name, np.float32(1)), q.zero, q.encoding)
        for name, q in model.weights.items()
    }
    return QuantizedModel(weights, model.floats)


def reread(model: QuantizedModel, values: Mapping[str, np.ndarray]) -> QuantizedModel:
    """The model with the scales and zero points that its numbers are read as.

    ``values`` hold one number or (output channels,) each, by name.
    """
    weights = {
        name: QuantizedTensor(
            q.words, values.get(name + SCALE, q.scale), values.get(name + ZERO, q.zero), q.encoding
        )
        for name, q in model.weights.items()
    }
    return QuantizedModel(weights, model.floats)
