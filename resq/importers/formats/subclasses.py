"""Quantized tensors in a pickle, as data: torch.ao's qtensors and tensor subclasses such as torchao's.

Source: torch 2.13 ``torch/_utils.py`` (``_rebuild_qtensor``, ``_rebuild_tensor_v3``,
``_rebuild_wrapper_subclass``) and ``torch/_tensor.py`` (``_rebuild_from_type_v2``): which argument stands
where. No class is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resq.importers.formats.floats import TORCH
from resq.importers.formats.tensors import RefusedError, Storage, View, view

QTENSOR = "torch._utils._rebuild_qtensor"
TYPED = "torch._tensor._rebuild_from_type_v2"
OLD_TYPED = "torch._tensor._rebuild_from_type"
OTHER_DTYPE = "torch._utils._rebuild_tensor_v3"
WRAPPER = "torch._utils._rebuild_wrapper_subclass"
NAMES = {QTENSOR, TYPED, OTHER_DTYPE, WRAPPER, "torch.serialization._get_layout"}
SCHEMES = ("torch.per_tensor_affine", "torch.per_channel_affine")
QUANTIZED = {"QInt8Storage": "i1", "QUInt8Storage": "u1", "QInt32Storage": "i4", "UntypedStorage": "u1"}
LIBRARIES = ("torchao.", "optimum.quanto.")  # whose classes only name how a tensor's parts belong together


@dataclass(frozen=True, eq=False)
class Parts:
    """A tensor that is several: codes, scales, zero points.

    Attributes:
        kind: the class's own name, as ``Int8Tensor``.
        tensors: part -> a ``View``, or a plain number.
        axis: of a scale per channel, the axis of the codes that it runs along.
    """

    kind: str
    tensors: Mapping[str, View | float]
    axis: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


def known(name: str) -> bool:
    """Whether a name stands for a quantized tensor or a part of one."""
    return name in NAMES or name in SCHEMES or name.startswith(LIBRARIES) or name.startswith("torch.q")


def qtensor(arguments: Any) -> Parts:
    """(storage, offset, size, stride, (scheme, scale, zero point[, axis]), ...) as codes and their scales.

    Raises:
        RefusedError: another scheme than one scale per tensor or per channel.
    """
    storage, offset, shape, strides, how = arguments[:5]
    scheme = str(getattr(how[0], "name", how[0]))
    if scheme not in SCHEMES:
        raise RefusedError(f"holds a tensor quantized as {scheme[:60]!r}; expected {' or '.join(SCHEMES)}")
    axis = how[3] if len(how) > 3 and type(how[3]) is int else 0
    parts = {"qdata": view(storage, offset, shape, strides), "scale": how[1], "zero_point": how[2]}
    if not all(isinstance(v, View | float | int) and not isinstance(v, bool) for v in parts.values()):
        raise RefusedError("holds a quantized tensor whose scale is no number and no tensor")
    return Parts("qtensor", parts, axis)


def typed(arguments: Any) -> Any:
    """(function, type, its arguments, attributes) of a tensor subclass: the tensors among its attributes."""
    what, kind, _, attributes = arguments[:4]
    name = str(getattr(kind, "name", kind)).rsplit(".", 1)[-1]
    if getattr(what, "name", "") != WRAPPER or not isinstance(attributes, dict):
        raise RefusedError(
            f"holds a {name[:60]}, a tensor class of its own; expected plain tensors, or torchao's quantized "
            "ones; tensor.dequantize() or .as_subclass(torch.Tensor) makes plain ones before saving"
        )
    tensors = {k: v for k, v in attributes.items() if isinstance(v, View)}
    rest = {k: v for k, v in attributes.items() if not isinstance(v, View)}
    return Parts(name, tensors, settings=rest)


def other_dtype(arguments: Any) -> View:
    """(storage of bytes, offset, size, stride, ..., ..., dtype): a tensor of a dtype without storages."""
    storage, offset, shape, strides = arguments[:4]
    dtype = str(getattr(arguments[6], "name", arguments[6])).removeprefix("torch.")
    if dtype not in TORCH:
        raise RefusedError(
            f"holds a tensor of torch.{dtype[:40]}; expected {', '.join(TORCH)} or a usual one"
        )
    if not isinstance(storage, Storage):
        raise RefusedError("refers to something that is no storage of numbers")
    return view(Storage(TORCH[dtype], storage.key, storage.size, storage.offset), offset, shape, strides)
