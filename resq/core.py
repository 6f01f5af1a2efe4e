"""The nouns of the house: small frozen values that every room understands. No torch at run time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def known(kind: str, name: str, table: Mapping[str, T]) -> T:
    """``table[name]``, or a sentence that says what came and what there is.

    >>> known("fault model", "sgn", {"random": 1, "sign": 2})
    Traceback (most recent call last):
    ValueError: no fault model 'sgn'; known: random, sign
    """
    if name not in table:
        raise ValueError(f"no {kind} {name!r}; known: {', '.join(sorted(table))}")
    return table[name]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of one split.

    Attributes:
        pixels: uint8 (N, 3, H, W), 0..255; divided by 255 they are the network's [0, 1].
        y: int64 labels (N,).
        groups: int64 (N,), images that belong together (frames of one sign) share a number; None: none do.
    """

    name: str
    split: str
    pixels: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: np.ndarray | slice) -> Dataset:
        """The images at ``index``, in that order."""
        groups = None if self.groups is None else self.groups[index]
        return replace(self, pixels=self.pixels[index], y=self.y[index], groups=groups)

    def first(self, n: int) -> Dataset:
        """The first ``n`` images.

        Raises:
            ValueError: fewer than ``n`` images, or none asked for.
        """
        if not 1 <= n <= len(self):
            raise ValueError(f"n must lie in 1..{len(self)}, the {self.split} images of {self.name}, got {n}")
        return self.take(slice(n))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over pixels and labels, 16 hex digits: which images a number was measured on."""
        digest = hashlib.sha256(np.ascontiguousarray(self.pixels).data)
        digest.update(np.ascontiguousarray(self.y).data)
        return digest.hexdigest()[:16]


def _always() -> bool:
    return True


@dataclass(frozen=True)
class DataSource:
    """Where a data set comes from and what networks need to know of it.

    Attributes:
        load: (split, download allowed) -> Dataset.
        mean, std: per channel of the training images in [0, 1].
        mirror: whether a mirrored image keeps its label (never for signs).
        about: one sentence for people, saying whether the images are photographs.
        present: whether the images are on this machine.
    """

    load: Callable[[str, bool], Dataset]
    classes: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    mirror: bool
    about: str
    present: Callable[[], bool] = _always


FLOATS = {"fp32": 32, "fp16": 16, "bf16": 16}
CODES = ("affine", "symmetric", "magnitude", *FLOATS)


@dataclass(frozen=True)
class Encoding:
    """How a weight lies in memory: its code, its width, its protection.

    Attributes:
        bits: 2..8 for integer codes; 32 or 16 for floating-point words.
        code: "affine" (unsigned, with a zero point), "symmetric" (two's complement, -max..max),
            "magnitude" (sign bit and magnitude), or the words "fp32", "fp16", "bf16" as they are.
        per: one scale "channel" (output channel) or "tensor".
        tmr: how many of the top bits are stored three times and read by majority.
        clip: "minmax", the range of the weights; or "mse", the narrower range with the least squared error,
            which few bits want.

    >>> Encoding.parse("int4-tmr2").stored, str(Encoding(8, "symmetric", "tensor"))
    (8, 'int8-symmetric-tensor')
    """

    bits: int = 8
    code: str = "affine"
    per: str = "channel"
    tmr: int = 0
    clip: str = "minmax"

    def __post_init__(self) -> None:
        known("code", self.code, dict.fromkeys(CODES))
        if self.per not in ("channel", "tensor"):
            raise ValueError(f"scales are per channel or per tensor, got {self.per!r}")
        if self.clip not in ("minmax", "mse"):
            raise ValueError(f"the range is minmax or mse, got {self.clip!r}")
        if self.code in FLOATS:
            if (self.bits, self.tmr, self.per, self.clip) != (FLOATS[self.code], 0, "channel", "minmax"):
                raise ValueError(
                    f"{self.code} words have {FLOATS[self.code]} bits, no copies and no scale, "
                    f"got bits {self.bits}, tmr {self.tmr}, per {self.per!r}"
                )
        elif not 2 <= self.bits <= 8:
            raise ValueError(f"integer codes have 2 to 8 bits, got {self.bits}")
        elif not 0 <= self.tmr <= min(2, self.bits):
            raise ValueError(f"0, 1 or 2 top bits can be stored three times, got {self.tmr}")

    @property
    def stored(self) -> int:
        """Stored bits per weight, copies included: the bits that faults can reach."""
        return self.bits + 2 * self.tmr

    def __str__(self) -> str:
        if self.code in FLOATS:
            return self.code
        options = [self.code] * (self.code != "affine") + [self.per] * (self.per != "channel")
        options += [self.clip] * (self.clip != "minmax")
        return "-".join([f"int{self.bits}", *options, *[f"tmr{self.tmr}"] * bool(self.tmr)])

    @staticmethod
    def parse(text: str) -> Encoding:
        """The encoding of a name such as int8, int8-symmetric-tensor, int4-tmr2, fp32.

        Raises:
            ValueError: not such a name.
        """
        if text in FLOATS:
            return Encoding(FLOATS[text], text)
        head, *options = text.split("-")
        meaning: dict[str, tuple[str, str | int]] = {
            **{code: ("code", code) for code in CODES if code not in FLOATS},
            **{per: ("per", per) for per in ("channel", "tensor")},
            **{f"tmr{n}": ("tmr", n) for n in (1, 2)},
            "mse": ("clip", "mse"),
        }
        fields = dict(meaning[option] for option in options if option in meaning)
        # An unknown option, or two that contradict each other, leave fewer fields than options.
        if len(fields) < len(options) or not (head.startswith("int") and head[3:].isdecimal()):
            raise ValueError(
                f"no encoding {text!r}; expected fp32, fp16, bf16 or int2..int8 followed by any of "
                "-symmetric, -magnitude, -tensor, -mse, -tmr1, -tmr2 (int8, int8-symmetric-tensor, int4-tmr2)"
            )
        return Encoding(bits=int(head[3:]), **fields)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Layout:
    """Where every stored bit lies: layers one after the other, words in order, bit 0 the least significant.

    Attributes:
        layers: names in network order.
        words: weights of each layer.
        stored: bits per word.
    """

    layers: tuple[str, ...]
    words: tuple[int, ...]
    stored: int

    @cached_property
    def starts(self) -> np.ndarray:
        """Address of each layer's first bit, and after them the total, int64 (layers + 1,)."""
        return np.concatenate([[0], np.cumsum(self.words, dtype=np.int64)]) * self.stored

    @property
    def n_bits(self) -> int:
        """All stored bits."""
        return int(self.starts[-1])

    def address(self, layer: str, word: int, bit: int) -> int:
        """The address of one bit.

        Raises:
            ValueError: no such layer, word or bit.
        """
        i = known("layer", layer, {name: i for i, name in enumerate(self.layers)})
        if not 0 <= word < self.words[i]:
            raise ValueError(f"{layer} has weights 0..{self.words[i] - 1}, got {word}")
        if not 0 <= bit < self.stored:
            raise ValueError(f"a stored word has bits 0..{self.stored - 1}, got {bit}")
        return int(self.starts[i]) + word * self.stored + bit


@dataclass(frozen=True, eq=False)
class BitFlips:
    """Which bits are flipped: data, not an action. Applied twice it is the identity.

    Attributes:
        addresses: sorted distinct int64 bit addresses of a Layout.
        onsets: float64, the smallest rate at which each of them flips; see ``at``.
    """

    addresses: np.ndarray
    onsets: np.ndarray

    def __len__(self) -> int:
        return len(self.addresses)

    def at(self, rate: float) -> BitFlips:
        """The flips of the same map at a smaller rate: always a subset, so curves over BER are nested."""
        keep = self.onsets <= rate
        if keep.all():
            return self
        return BitFlips(self.addresses[keep], self.onsets[keep])


@dataclass(frozen=True, eq=False)
class QuantizedTensor:
    """Stored words and what turns them back into floats.

    Attributes:
        words: unsigned integers in the shape of the weight; the low ``encoding.stored`` bits count.
        scale, zero: float32 (channels,) or (1,). A fault never moves them.
    """

    words: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    encoding: Encoding


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A network whose weights lie in memory as words; biases and norms stay floats."""

    weights: Mapping[str, QuantizedTensor]
    floats: Mapping[str, np.ndarray]

    @cached_property
    def layout(self) -> Layout:
        """Addresses of the stored bits."""
        stored = {q.encoding.stored for q in self.weights.values()}
        assert len(stored) == 1, "one encoding per model"
        sizes = tuple(q.words.size for q in self.weights.values())
        return Layout(tuple(self.weights), sizes, stored.pop())

    @property
    def n_bits(self) -> int:
        """Stored bits of all weights."""
        return self.layout.n_bits
