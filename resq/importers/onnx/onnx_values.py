"""What an ONNX graph computes from its initialisers alone: weights, with the integer codes they came as."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from resq.core import QuantizedTensor
from resq.core.errors import ResqError
from resq.importers.formats.coded import dequantized
from resq.importers.formats.pickles import RefusedError
from resq.importers.onnx import onnx_file
from resq.memory.own import own

KNOWN = (*onnx_file.DOMAINS, "com.microsoft")
QONNX = ("Quant", "BipolarQuant", "Trunc", "IntQuant")  # operators of QONNX, which no runtime has
DEEP = 200  # nodes from an initialiser to a weight, and their inputs
MOST = 2**25  # numbers of one value; the largest weight of a network here has 2.4 million
ALL = 2**26  # numbers of all values that are worked out, and not only read in another order
VIEWS = {
    "Identity",
    "Constant",
    "Cast",
    "CastLike",
    "Transpose",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
}
VIEWS |= {"DequantizeLinear", "Shape"}
LOOSE = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767), 21: (0, 15), 22: (-8, 7)}


class UnreadError(RefusedError):
    """A weight is computed by an operator that is not read; else it follows from shapes, so it is none."""


@dataclass(frozen=True, eq=False)
class Value:
    """An array, or codes with the scale and zero point that make floats of them.

    Attributes:
        array: the numbers; the codes where ``scale`` is there.
        bits: of a number as the file stores it.
        scale, zero: broadcast against the codes, axis by axis; None: the numbers are what they are.
        rounded: whether the codes are none of the file's, but what it rounds floats to whenever it runs.
    """

    array: np.ndarray
    bits: int = 32
    scale: np.ndarray | None = None
    zero: np.ndarray | None = None
    rounded: bool = False

    @property
    def floats(self) -> np.ndarray:
        """The numbers that it stands for."""
        if self.scale is None or self.zero is None:
            return self.array
        return dequantized(self.array, self.scale, self.zero)

    def own(self) -> QuantizedTensor | None:
        """The codes as stored words; None where it came as floats or in codes of more than 8 bits."""
        if self.scale is None or self.zero is None or self.bits > 8:
            return None
        return own(self.array, self.scale, self.zero, self.bits)

    def moved(self, how: Callable[[np.ndarray], np.ndarray], whole: bool = False) -> Value:
        """With its numbers moved to other places; ``whole``: the axes become others."""
        if self.scale is None or self.zero is None:
            return replace(self, array=how(self.array))
        if whole and self.scale.size == self.zero.size == 1:
            one = (1,) * how(self.array).ndim
            return replace(
                self, array=how(self.array), scale=self.scale.reshape(one), zero=self.zero.reshape(one)
            )
        spread = [np.broadcast_to(v, self.array.shape) if whole else v for v in (self.scale, self.zero)]
        return replace(self, array=how(self.array), scale=how(spread[0]), zero=how(spread[1]))

    def times(self, factor: np.ndarray) -> Value:
        """Each output channel, axis 0, times its factor or all times one; codes stay what they are."""
        spread = factor.reshape(-1, *[1] * (self.array.ndim - 1)).astype(np.float32)
        if self.scale is None:
            return replace(self, array=self.array * spread)
        return replace(self, scale=(self.scale * spread).astype(np.float32))


class Values:
    """The values of a graph's names, as far as they follow from its initialisers.

    Args:
        nodes: each after those it reads.
        moving: names whose values depend on the images; more may come to be among them.
    """

    def __init__(self, graph: Any, nodes: list[Any], moving: set[str]) -> None:
        self._moving, self._failed, self._spent = moving, dict[str, RefusedError](), 0
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._made = {name: node for node in nodes for name in node.output}
        self._known: dict[str, Value] = {}

    def of(self, name: str) -> Value:
        """The value of a name.

        Raises:
            RefusedError: it comes from an operator that is not read; the sentence names it.
        """
        todo = [name]
        while todo:
            at = todo[-1]
            if at in self._known:
                todo.pop()
            elif at in self._failed:
                raise self._failed[at]
            elif at in self._initializers:
                self._known[at] = Value(*onnx_file.array(self._initializers[at]))
            else:
                todo += self._step(name, at, len(todo))
        return self._known[name]

    def _step(self, name: str, at: str, depth: int) -> list[str]:
        """Computes one name, or returns those that it needs before."""
        node = self._made.get(at)
        if node is None or at in self._moving or depth > DEEP:
            self._failed[name] = RefusedError(f"computes a weight from {at[:80]!r}, which is no initialiser")
        elif node.domain not in KNOWN or node.op_type not in RULES:
            advice = "; Brevitas' export_onnx_qcdq writes what is" if node.op_type in QONNX else ""
            self._failed[name] = UnreadError(
                f"computes a weight by the operator {node.op_type[:40]}, which is not read "
                f"(node {node.name[:80]!r}){advice}"
            )
        else:
            lacking = [i for i in _deciding_inputs(node) if i and i not in self._known]
            if not lacking:
                self._known[at] = self._computed(node)
            return lacking
        self._failed[at] = self._failed[name]
        raise self._failed[name]

    def _computed(self, node: Any) -> Value:
        inputs = [self._known[name] if name else None for name in _deciding_inputs(node)]
        try:
            value = RULES[node.op_type](onnx_file.settings(node), *inputs)
        except (ValueError, TypeError, IndexError, KeyError, ArithmeticError, AttributeError) as error:
            raise UnreadError(
                f"computes a weight by {node.op_type[:40]} in node {node.name[:80]!r} in a way that is not "
                f"read ({str(error)[:80]})"
            ) from None
        self._spent += 0 if node.op_type in VIEWS else value.array.size
        if self._spent > ALL:
            raise RefusedError(f"works out more than {ALL} numbers of weights; expected them as initialisers")
        return value


def _deciding_inputs(node: Any) -> list[str]:
    """The inputs that decide a node's value; CastLike's second only lends its kind of number."""
    return list(node.input[:1] if node.op_type == "CastLike" else node.input)


Settings = Mapping[str, Any]


def _constant(s: Settings) -> Value:
    for name, value in s.items():
        if name == "value":
            return Value(*onnx_file.array(value))
        if name in ("value_float", "value_floats"):
            return Value(np.asarray(value, np.float32))
        if name in ("value_int", "value_ints"):
            return Value(np.asarray(value, np.int64), 64)
    raise ResqError("no number")


def _cast(s: Settings, x: Value) -> Value:
    if s["to"] in onnx_file.FLOATING:
        return x if x.scale is not None else Value(x.array.astype(np.float32))
    kinds = {2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_}
    rounded = x.rounded or x.floats.dtype.kind == "f"
    return Value(x.floats.astype(kinds[s["to"]]), onnx_file.BITS[s["to"]], rounded=rounded)


def _axes(s: Settings, tensor: Value | None) -> tuple[int, ...] | None:
    axes = s.get("axes") if tensor is None else tensor.array.reshape(-1).tolist()
    return None if axes is None else tuple(int(axis) for axis in axes)


def _squeeze(s: Settings, x: Value, axes: Value | None = None) -> Value:
    return x.moved(lambda a: np.squeeze(a, _axes(s, axes)))


def _unsqueeze(s: Settings, x: Value, axes: Value | None = None) -> Value:
    where = _axes(s, axes) or ()
    if len(where) > 8:
        raise ResqError("too many axes")
    return x.moved(lambda a: np.expand_dims(a, where))


def _reshape(s: Settings, x: Value, shape: Value) -> Value:
    sizes = [int(n) for n in shape.array.reshape(-1)]
    sizes = [x.array.shape[i] if n == 0 and not s.get("allowzero") else n for i, n in enumerate(sizes)]
    return x.moved(lambda a: a.reshape(sizes), whole=True)


def _flatten(s: Settings, x: Value) -> Value:
    axis = s.get("axis", 1)
    first = math.prod(x.array.shape[:axis]) if axis else 1
    return x.moved(lambda a: a.reshape(first, -1), whole=True)


def _transpose(s: Settings, x: Value) -> Value:
    return x.moved(lambda a: np.transpose(a, s.get("perm")))


def _clip(s: Settings, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    least = s.get("min") if low is None else low.array
    most = s.get("max") if high is None else high.array
    return replace(x, array=np.clip(x.array, least, most)) if x.scale is None else Value(
        np.clip(x.floats, least, most))  # fmt: skip


def _spread(v: np.ndarray, codes: tuple[int, ...], s: Settings) -> np.ndarray:
    """A scale or zero point so that it broadcasts against codes of this shape."""
    axis = s.get("axis", 1) % max(1, len(codes))
    if v.size == 1:
        return v.reshape((1,) * len(codes))
    if v.ndim == 1 and v.size == codes[axis]:
        return v.reshape([-1 if i == axis else 1 for i in range(len(codes))])
    block = s.get("block_size") or 0
    blocks = [-(-n // block) if i == axis and block > 0 else n for i, n in enumerate(codes)]
    if list(v.shape) != blocks or block <= 0:
        raise ResqError(f"a scale of shape {v.shape} for codes of {codes}")
    return np.repeat(v, block, axis).take(range(codes[axis]), axis)


def _quantize(s: Settings, x: Value, scale: Value, zero: Value | None = None) -> Value:
    kind = s.get("output_dtype") or (2 if zero is None else _type(zero))
    low, high = LOOSE[kind]
    step = _spread(scale.floats, x.array.shape, s)
    start = 0 if zero is None else _spread(zero.array, x.array.shape, s).astype(np.float64)
    codes = np.clip(np.rint(x.floats / step) + start, low, high)
    return Value(codes.astype(np.uint16 if low == 0 else np.int16), onnx_file.BITS[kind], rounded=True)


def _type(zero: Value) -> int:
    names = {"uint8": 2, "int8": 3, "uint16": 4, "int16": 5}
    return names[zero.array.dtype.name] + (19 if zero.bits == 4 else 0)


def _dequantize(s: Settings, x: Value, scale: Value, zero: Value | None = None) -> Value:
    if x.scale is not None or x.array.dtype.kind not in "iu":
        raise ResqError("no codes")
    step = _spread(scale.floats.astype(np.float32), x.array.shape, s)
    start = np.zeros_like(step) if zero is None else _spread(zero.array, x.array.shape, s)
    return replace(x, scale=step, zero=start.astype(np.float32))


def _gather(s: Settings, x: Value, index: Value) -> Value:
    axis = s.get("axis", 0)
    _bounded(x.array.size // max(1, x.array.shape[axis]) * index.array.size)
    return Value(np.take(x.floats, index.array.astype(np.int64), axis))


def _slice(s: Settings, x: Value, *bounds: Value | None) -> Value:
    starts, ends = (bounds[i].array.tolist() for i in (0, 1))  # type: ignore[union-attr]
    axes = bounds[2].array.tolist() if len(bounds) > 2 and bounds[2] else range(len(starts))
    steps = bounds[3].array.tolist() if len(bounds) > 3 and bounds[3] else [1] * len(starts)
    cuts = [slice(None)] * x.array.ndim
    for axis, *cut in zip(axes, starts, ends, steps, strict=True):
        cuts[axis] = slice(*cut)
    return Value(x.floats[tuple(cuts)])


def _shape(s: Settings, x: Value) -> Value:
    return Value(np.array(x.array.shape[s.get("start", 0) : s.get("end")], np.int64), 64)


def _range(s: Settings, start: Value, end: Value, step: Value) -> Value:
    first, last, by = (float(v.floats.reshape(-1)[0]) for v in (start, end, step))
    count = max(0, math.ceil((last - first) / by))
    _bounded(count)
    return Value((first + by * np.arange(count)).astype(start.array.dtype), start.bits)


def _expand(s: Settings, x: Value, shape: Value) -> Value:
    sizes = np.broadcast_shapes(x.array.shape, tuple(int(n) for n in shape.array.reshape(-1)))
    _bounded(math.prod(sizes))
    return Value(np.broadcast_to(x.floats, sizes))


def _concat(s: Settings, *parts: Value) -> Value:
    _bounded(sum(part.array.size for part in parts))
    return Value(np.concatenate([part.floats for part in parts], s["axis"]))


def _bounded(size: int) -> None:
    if size > MOST:
        raise ResqError(f"{size} numbers; expected {MOST} at most")


def _elementwise(how: Callable[..., np.ndarray]) -> Callable[..., Value]:
    def rule(s: Settings, *inputs: Value) -> Value:
        _bounded(math.prod(np.broadcast_shapes(*(v.array.shape for v in inputs))))
        with np.errstate(all="ignore"):  # what is not finite is refused where a weight is checked
            return Value(np.asarray(how(*(v.floats for v in inputs))))

    return rule


RULES: dict[str, Callable[..., Value]] = {
    "Constant": _constant,
    "Identity": lambda s, x: x,
    "Cast": _cast,
    "CastLike": lambda s, x: x,
    "Shape": _shape,
    "Range": _range,
    "Expand": _expand,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Clip": _clip,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Add": _elementwise(np.add),
    "Sub": _elementwise(np.subtract),
    "Mul": _elementwise(np.multiply),
    "Div": _elementwise(np.divide),
    "Pow": _elementwise(np.power),
    "Neg": _elementwise(np.negative),
    "Sqrt": _elementwise(np.sqrt),
    "Reciprocal": _elementwise(np.reciprocal),
}
