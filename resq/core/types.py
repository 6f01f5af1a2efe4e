"""Values that every room uses: data sets, memory layouts, bit flips, quantized tensors. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from resq.core.encoding import CODES as CODES
from resq.core.encoding import FLOATS as FLOATS
from resq.core.encoding import Encoding as Encoding
from resq.core.errors import ResqError
from resq.core.validation import lookup as lookup


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of one split.

    Attributes:
        pixels: uint8 (N, 3, H, W), 0..255; divided by 255 they are the network's [0, 1]; or
            float32 in [0, 1], where a person's own images are finer than that.
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
            raise ResqError(f"n must lie in 1..{len(self)}, the {self.split} images of {self.name}, got {n}")
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


CHECKS = "|checks"  # ends the name of what is stored to guard a layer's words


@dataclass(frozen=True)
class Layout:
    """Where every stored bit lies: layers one after the other, words in order, bit 0 the least significant.

    Attributes:
        layers: names in network order.
        words: stored words of each layer.
        stored: bits per word; of the longest where layers have words of several lengths.
        widths: bits per word of each layer, or nothing where ``stored`` is that of all.
    """

    layers: tuple[str, ...]
    words: tuple[int, ...]
    word_bits: int
    widths: tuple[int, ...] = ()

    @cached_property
    def lengths(self) -> np.ndarray:
        """Bits per word of each layer, int64 (layers,)."""
        return np.asarray(self.widths or (self.word_bits,) * len(self.layers), dtype=np.int64)

    @cached_property
    def starts(self) -> np.ndarray:
        """Address of each layer's first bit, and after them the total, int64 (layers + 1,)."""
        return np.concatenate([[0], np.cumsum(np.asarray(self.words, dtype=np.int64) * self.lengths)])

    @property
    def n_bits(self) -> int:
        """All stored bits."""
        return int(self.starts[-1])

    @cached_property
    def owners(self) -> np.ndarray:
        """The layer that each entry is of, int64 (entries,): what guards a layer's words belongs to it."""
        index = {name: i for i, name in enumerate(self.layers)}
        return np.asarray([index[name.removesuffix(CHECKS)] for name in self.layers], dtype=np.int64)

    def address(self, layer: str, word: int, bit: int) -> int:
        """The address of one bit.

        Raises:
            ValueError: no such layer, word or bit.
        """
        i = lookup("layer", layer, {name: i for i, name in enumerate(self.layers)})
        if not 0 <= word < self.words[i]:
            raise ResqError(f"{layer} has weights 0..{self.words[i] - 1}, got {word}")
        length = int(self.lengths[i])
        if not 0 <= bit < length:
            raise ResqError(f"a stored word has bits 0..{length - 1}, got {bit}")
        return int(self.starts[i]) + word * length + bit


@dataclass(frozen=True, eq=False)
class BitFlips:
    """Which bits are flipped: data, not an action. Applied twice it is the identity.

    Attributes:
        addresses: sorted distinct int64 bit addresses of a Layout.
        thresholds: float64, the smallest rate at which each of them flips; see ``at``.
    """

    addresses: np.ndarray
    thresholds: np.ndarray

    def __len__(self) -> int:
        return len(self.addresses)

    def at_rate(self, rate: float) -> BitFlips:
        """The flips of the same map at a smaller rate: always a subset, so curves over BER are nested."""
        keep = self.thresholds <= rate
        if keep.all():
            return self
        return BitFlips(self.addresses[keep], self.thresholds[keep])


@dataclass(frozen=True, eq=False)
class QuantizedTensor:
    """Stored words and what turns them back into floats.

    Attributes:
        words: unsigned integers in the shape of the weight; the low ``encoding.word_bits`` bits count. Where
            the encoding stores words several times, this is what the copies are read as.
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
    def read(self) -> Layout:
        """Addresses of the bits as they are read: every word once, without what guards it."""
        word_lengths = {q.encoding.word_bits for q in self.weights.values()}
        assert len(word_lengths) == 1, "words of one length in a model"
        sizes = tuple(q.words.size for q in self.weights.values())
        return Layout(tuple(self.weights), sizes, word_lengths.pop())

    @cached_property
    def layout(self) -> Layout:
        """Addresses of the stored bits; of a layer stored several times, one whole copy after the other.

        After all layers lies what guards their words, under the name of the layer and CHECKS.
        """
        each = [q.encoding for q in self.weights.values()]
        counts = tuple(n * e.copies for n, e in zip(self.read.words, each, strict=True))
        check_sizes = {f"{name}{CHECKS}": q.encoding.checks(q.words.size) for name, q in self.weights.items()}
        beside = {name: both for name, both in check_sizes.items() if both[0]}
        if not beside:
            return self.read if counts == self.read.words else replace(self.read, words=counts)
        widths = (self.read.word_bits,) * len(counts) + tuple(width for _, width in beside.values())
        more = tuple(count for count, _ in beside.values())
        return Layout((*self.read.layers, *beside), (*counts, *more), max(widths), widths)

    @property
    def guarded(self) -> bool:
        """Whether the words of a layer are checked or limited when they are read."""
        return any(q.encoding.guard for q in self.weights.values())

    @property
    def n_bits(self) -> int:
        """Stored bits of all weights."""
        return self.layout.n_bits
