"""The weight of a MatMulNBits: codes of few bits, packed in bytes, with a scale for each block of a row.

Source: com.microsoft's MatMulNBits in ContribOperators.md. Its weights are (N, blocks, bytes of a block), low
bits first; a row's zero points end in whole bytes, and without any the middle code stands for 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from resq.importers.formats.pickles import RefusedError
from resq.importers.onnx import onnx_file
from resq.importers.onnx.onnx_values import Value, Values

OP = "MatMulNBits"
BITS = (4, 8)
PRECISE = "accuracy_level"  # 4: the activations are quantized to 8 bits on the way


def weight(node: Any, values: Values) -> Value:
    """The weight in torch's shape, (out, in).

    Raises:
        RefusedError: codes of other widths, inputs in an order of their own, or sizes that do not agree.
    """
    s, inputs = onnx_file.settings(node), [*node.input, *[""] * 6]
    rows, columns, block = (s.get(name, 0) for name in ("N", "K", "block_size"))
    bits = s.get("bits", 4)
    if bits not in BITS or inputs[4]:
        how = "in an order of their own (g_idx)" if inputs[4] else f"of {bits} bits"
        raise RefusedError(
            f"keeps a weight in {OP} with codes {how}, which are not read (node {node.name[:80]!r}); "
            "expected 4 or 8 bits in the inputs' order, or what quant_format=QuantFormat.QDQ writes instead"
        )
    try:
        many = -(-columns // block)
        codes = _unpacked(values.of(inputs[1]).array, bits).reshape(rows, many * block)[:, :columns]
        scale = values.of(inputs[2]).floats.astype(np.float32).reshape(rows, many)
        zero = _zeros(values, inputs[3], bits, (rows, many))
    except (ValueError, TypeError, ArithmeticError) as error:
        raise RefusedError(
            f"gives the {OP} {node.name[:80]!r} other numbers of codes, scales or zero points than its "
            f"{rows} x {columns} weights in blocks of {block} have ({str(error)[:80]})"
        ) from None
    steps, starts = (np.repeat(part, block, 1)[:, :columns] for part in (scale, zero))
    return Value(codes, bits, steps, starts)


def without_rounding(node: Any) -> Any:
    """The same node, its activations floats in any case; None where they are floats already."""
    if onnx_file.settings(node).get(PRECISE, 0) != 4:
        return None
    plain = type(node)()
    plain.CopyFrom(node)
    del plain.attribute[:]
    plain.attribute.extend(a for a in node.attribute if a.name != PRECISE)
    return plain


def _zeros(values: Values, name: str, bits: int, shape: tuple[int, int]) -> np.ndarray:
    """Zero points (rows, blocks): packed as the codes are, or floats."""
    if not name:
        return np.full(shape, 1 << (bits - 1), np.float32)
    numbers = values.of(name).array
    if numbers.dtype == np.uint8:
        numbers = _unpacked(numbers, bits)
    return numbers.reshape(shape[0], -1)[:, : shape[1]].astype(np.float32).reshape(shape)


def _unpacked(packed: np.ndarray, bits: int) -> np.ndarray:
    """uint8, flat: the codes in packed bytes, low bits first.

    >>> _unpacked(np.array([0x21, 0x43], np.uint8), 4)
    array([1, 2, 3, 4], dtype=uint8)
    """
    flat = packed.astype(np.uint8, casting="safe").reshape(-1)
    return flat if bits == 8 else np.stack([flat & 15, flat >> 4], 1).reshape(-1)
