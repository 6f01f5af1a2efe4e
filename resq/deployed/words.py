"""What a deployed file stores, word by word: which layer, which kind, where in the file. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resq.core import Layout
from resq.core.errors import ResqError

# What may be a target of faults. A file's words are of one of these kinds.
KINDS = ("weights", "biases", "scales", "norms", "other")

# Names for several kinds at once. ``floats`` means what it does of a checkpoint: all that stands beside the
# words of the weights. In a file of integers these are integers too: biases of 32 bits, zero points.
SEVERAL = {"floats": ("biases", "scales", "norms"), "all": KINDS}

MANY = 1000  # numbers of a constant that is no shape, place or number of a formula
INDICES = ("bool", "int32", "uint32", "int64", "uint64")


class RefusedError(ResqError):
    """A file that is not measured; the sentence says why, and the file's name goes before it."""


@dataclass(frozen=True)
class Stored:
    """The words of one tensor, or of its scales or zero points, as they stand in the file.

    Attributes:
        name: the tensor's, unique in the file; of scales and zero points with ``/scale`` or ``/zero_point``.
        kind: one of KINDS.
        dtype: of a number: int4, int8, uint8, int16, int32, int64, float16, float32, ...
        shape: of the numbers.
        width: bits of a word.
        offset: byte in ``Parsed.memory`` at which the first word begins; words follow without gaps, little
            end and low nibble first.
        at: the same place in the file itself; -1 where it writes the numbers in words of no fixed length.
        scale, zero: the quantizer's numbers, float64 (channels,), (1,), or of blocks in the order of
            ``shape``; empty where there are none or they are not known.
        axis: the axis of ``shape`` that has a scale for each index, or for each block; -1: one for all.
        op: the operator that reads it.
        block: numbers along ``axis`` that share a scale; 0: the scales are no blocks'.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    width: int
    offset: int
    at: int
    scale: tuple[float, ...] = ()
    zero: tuple[int, ...] = ()
    axis: int = -1
    op: str = ""
    block: int = 0

    @property
    def count(self) -> int:
        """How many words."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def n_bytes(self) -> int:
        """Bytes in the file."""
        return -(-self.count * self.width // 8)


@dataclass(frozen=True)
class Tensor:
    """An input or output of the network.

    Attributes:
        dtype: what the runtime takes or gives.
        shape: less than 1 where a size is free.
        scale, zero: what an integer stands for is scale x (number - zero); scale 0: not quantized.
        codes: the integers that it is quantized to, where ``dtype`` are floats that the file rounds at once;
            with scale 0 and ``dtype`` again: the file computes with them by a scale that is not known.
        mean, std: what the file's metadata do to pixels from 0 to 255: (pixel - mean) / std; empty: they do
            not say it.
        wrong: why what they say is not used, a sentence about the file; "" where nothing is wrong.
        symmetric: of a quantized input, whether the middle code is the zero point of all else of its width
            that the file computes, as symmetric quantizers have it; None: it computes nothing else so.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float = 0.0
    zero: int = 0
    codes: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    wrong: str = ""
    symmetric: bool | None = None

    @property
    def span(self) -> tuple[float, float] | None:
        """The smallest and the largest number that it can stand for; None where that is not bounded."""
        codes = self.codes or self.dtype
        if not self.scale or "int" not in codes:
            return None
        limits = np.iinfo(np.dtype(codes))
        return self.scale * (limits.min - self.zero), self.scale * (limits.max - self.zero)


@dataclass(frozen=True, eq=False)
class Parsed:
    """A deployed file, read as data.

    Attributes:
        carrier: "tflite" or "onnx".
        memory: the bytes that the runtime is given, in which flips are made. The file's own, but for numbers
            that it writes in words of no fixed length: they are written out.
        stored: everything constant that was found, in the order of the graph.
        input: the images; ``output``: a number for each class.
        notes: sentences about what was left out.
        labels: the name of each output, where the file's metadata say it.
        probabilities: whether the answers are those of a softmax, None where the graph does not show it.
    """

    carrier: str
    memory: bytes
    stored: tuple[Stored, ...]
    input: Tensor
    output: Tensor
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    probabilities: bool | None = None


def middle(codes: str) -> int:
    """The code in the middle of a type's codes, where a symmetric quantizer has its zero point.

    >>> middle("uint8"), middle("int8"), middle("int16")
    (128, 0, 0)
    """
    limits = np.iinfo(np.dtype(codes))
    return (int(limits.min) + int(limits.max) + 1) // 2


def no_scale(dtype: str) -> str:
    """Why answers in integers of this type are refused where the file does not say what they stand for.

    >>> no_scale("uint8")[:33]
    'answers in uint8 without a scale,'
    """
    return (
        f"answers in {dtype} without a scale, so that its numbers are no logits and say no probabilities; "
        "expected floats, or integers of one constant scale: keep the output's DequantizeLinear"
    )


def kinds(targets: str) -> tuple[str, ...]:
    """The kinds of a name such as weights, floats, all, or of several with commas between them.

    Raises:
        ValueError: no such name.

    >>> kinds("weights,biases"), kinds("floats")
    (('weights', 'biases'), ('biases', 'scales', 'norms'))
    """
    kinds_named: list[str] = []
    for name in targets.split(","):
        if name not in KINDS and name not in SEVERAL:
            raise ResqError(f"no targets {name!r}; known: {', '.join((*KINDS, *SEVERAL))}")
        kinds_named += SEVERAL.get(name, (name,))
    return tuple(kind for kind in KINDS if kind in kinds_named)


def others(tensors: Sequence[Stored]) -> tuple[str, ...]:
    """A sentence where many numbers are read by operators that are not known to hold any of the other kinds.

    Shapes, places and masks of whole numbers are none of them.
    """
    names = [f"{s.name!r:.60} of {s.op or 'no operator'}" for s in tensors
             if s.kind == "other" and s.count > MANY and s.dtype not in INDICES]  # fmt: skip
    if not names:
        return ()
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        f"constants of more than {MANY:,} numbers have no known part in a layer "
        f"({', '.join(names[:3])}{rest}): no target but other and all reaches them",
    )


def chosen(tensors: Sequence[Stored], targets: str) -> tuple[Stored, ...]:
    """The stored words of these targets, of whatever type they are."""
    wanted = kinds(targets)
    return tuple(s for s in tensors if s.kind in wanted and s.count)


def layout(tensors: Sequence[Stored]) -> Layout:
    """The addresses of these words' bits, one tensor after the other."""
    widths = tuple(s.width for s in tensors)
    return Layout(tuple(s.name for s in tensors), tuple(s.count for s in tensors), max(widths), widths)


def unsigned(raw: np.ndarray, tensor: Stored) -> np.ndarray:
    """The words as unsigned integers (count,).

    Args:
        raw: uint8, the memory.
    """
    part = raw[tensor.offset : tensor.offset + tensor.n_bytes]
    if tensor.width >= 8:
        return np.frombuffer(part.tobytes(), dtype=f"<u{tensor.width // 8}")
    per = 8 // tensor.width
    shifts = np.arange(per, dtype=np.uint8) * np.uint8(tensor.width)
    return (part[:, None] >> shifts & np.uint8(2**tensor.width - 1)).reshape(-1)[: tensor.count]


def numbers(raw: np.ndarray, tensor: Stored) -> np.ndarray:
    """What the words are as numbers, before any scale, in the stored shape."""
    words = unsigned(raw, tensor)
    if tensor.width < 8:
        signed = not tensor.dtype.startswith("u")
        top = 1 << (tensor.width - 1)
        words = (words.astype(np.int8) ^ top) - top if signed else words
    elif tensor.dtype == "bfloat16":
        words = (words.astype(np.uint32) << 16).view(np.float32)
    else:
        words = words.view(np.dtype(tensor.dtype))
    return words.reshape(tensor.shape)
