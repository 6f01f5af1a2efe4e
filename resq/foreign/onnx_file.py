"""An ONNX file's weights: float initialisers, and integer ones that a DequantizeLinear node reads.

Source: the ONNX operators DequantizeLinear, Conv, Gemm and MatMul. The graph is read as data and never run;
weights kept in other files beside it are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resq.errors import LackingError
from resq.foreign.coded import dequantized
from resq.foreign.pickles import RefusedError
from resq.foreign.tensors import Listing

LARGEST = 128 * 2**20  # bytes; a graph is parsed as a whole, so less than for the other formats
SUFFIXES = ("_quantized", "_DequantizeLinear_Output", "_dequantized")
FLOATING, INTEGER = {1: 4, 10: 2, 11: 8}, {2: 1, 3: 1, 6: 4}  # TensorProto types -> bytes of an element


@dataclass(frozen=True, eq=False)
class Held:
    """A tensor that is in memory already."""

    values: np.ndarray
    kind: str = "f4"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values."""
        return self.values.shape

    def read(self, file: Path) -> np.ndarray:
        """The values; the file is not needed."""
        return self.values


def listing(file: Path) -> Listing:
    """The weights of an ONNX file by name, in the order of the graph.

    Raises:
        RefusedError: no ONNX file, or weights kept elsewhere, damaged or scaled in a way of their own.
        ValueError: the package onnx is not installed.
    """
    if file.stat().st_size > LARGEST:
        raise RefusedError(f"has {file.stat().st_size} bytes; an ONNX file may have {LARGEST}")
    graph = _graph(file)
    stored = {tensor.name: tensor for tensor in graph.initializer}
    used: set[str] = set()
    found: dict[str, Held] = {}
    for node in graph.node:
        if node.op_type in ("DequantizeLinear", "QuantizeLinear"):
            used |= set(node.input)
            if node.op_type == "DequantizeLinear" and node.input[0] in stored:
                found[node.output[0]] = Held(_read(node, stored))
    for name, tensor in stored.items():
        if name not in used and tensor.data_type in FLOATING:
            found[name] = Held(_array(tensor).astype(np.float32))
    return Listing(_named(graph, found), "ONNX", True)


def _graph(file: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise LackingError(
            f"{file.name} needs the package onnx, which is not installed: pip install onnx==1.23.2"
        ) from None
    try:
        model = onnx.load_model_from_string(file.read_bytes())
    except (DecodeError, RuntimeError, UnicodeDecodeError) as error:
        raise RefusedError(f"is no ONNX file ({str(error)[:80]})") from None
    if not len(model.graph.initializer):
        raise RefusedError("is no ONNX file with weights: its graph has no initialisers")
    return model.graph


def _read(node: Any, stored: dict[str, Any]) -> np.ndarray:
    """What a DequantizeLinear node makes of an initialiser."""
    lacking = [name for name in node.input if name and name not in stored]
    settings = {a.name: a.i for a in node.attribute}
    if lacking or settings.get("block_size"):
        raise RefusedError(
            f"dequantizes {node.input[0][:80]!r} with "
            + (f"{lacking[0][:80]!r}, which is no initialiser" if lacking else "a scale per block")
        )
    codes, scale, *zero = (_array(stored[name]) for name in node.input if name)
    axis = settings.get("axis", 1) % max(1, codes.ndim)
    if scale.size > 1 and (scale.ndim != 1 or scale.size != codes.shape[axis]):
        raise RefusedError(f"gives {node.input[0][:80]!r} of shape {codes.shape} a scale of {scale.shape}")
    one_axis = [-1 if i == axis else 1 for i in range(codes.ndim)]
    spread = [v.reshape(one_axis if v.size > 1 else ()) for v in (scale, *zero)]
    return dequantized(codes, spread[0], spread[1] if zero else 0.0)


def _array(tensor: Any) -> np.ndarray:
    """An initialiser's numbers, its size checked before they are read."""
    from onnx import numpy_helper

    width = {**FLOATING, **INTEGER}.get(tensor.data_type)
    if tensor.data_location == 1 or tensor.external_data:
        raise RefusedError(f"keeps {tensor.name[:80]!r} in another file; save the model as one file")
    if width is None:
        raise RefusedError(f"holds {tensor.name[:80]!r} as ONNX type {tensor.data_type}; expected floats, "
                           "int8, uint8 or int32")  # fmt: skip
    claimed, there = math.prod(tensor.dims), len(tensor.raw_data) // width
    if any(n < 0 for n in tensor.dims) or (tensor.raw_data and claimed != there):
        raise RefusedError(f"claims {claimed} numbers for {tensor.name[:80]!r}, but stores {there}")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise RefusedError(f"holds a damaged {tensor.name[:80]!r} ({str(error)[:80]})") from None


def _named(graph: Any, found: dict[str, Held]) -> dict[str, Held]:
    """The tensors that nodes compute with, by parameter name: what exporters append to a name taken off."""
    named: dict[str, Held] = {}
    for node in graph.node:
        for at, name in enumerate(node.input):
            if name in found and node.op_type not in ("DequantizeLinear", "QuantizeLinear"):
                held = found[name]
                turned = at == 1 and held.values.ndim == 2 and _by_inputs(node)
                named.setdefault(_plain(name), Held(held.values.T.copy()) if turned else held)
    return named


def _by_inputs(node: Any) -> bool:
    """Whether the node's weight is (inputs, outputs), where PyTorch's is the other way round."""
    return node.op_type == "MatMul" or (
        node.op_type == "Gemm" and not any(a.name == "transB" and a.i for a in node.attribute)
    )


def _plain(name: str) -> str:
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name
