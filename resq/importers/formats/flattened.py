"""A state dict with every quantized tensor taken apart: codes, scale and zero point under names of their own.

Source: torch 2.13 ``torch.quantize_per_channel`` (the axis of its scales) and torchao 0.18
``quantize_/workflows`` (what its tensors say of their bits and their activations).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from resq.importers.formats.subclasses import Parts
from resq.importers.formats.tensors import RefusedError, View, describe

PACKED = "_packed_params._packed_params"  # torch.ao keeps a linear layer's weight and bias as one pair
MOST = 80  # letters kept of a setting


def flat(tensors: Mapping[str, Any], about: dict[str, str]) -> dict[str, Any]:
    """Every tensor under a name of its own; the parts of a quantized one as NAME:qdata, NAME:scale, ...

    Args:
        about: gets the class of every quantized one, the bits of its codes and what it says of activations,
            as torchao's safetensors headers say them.

    Raises:
        RefusedError: a scale or zero point per channel of an axis that the codes do not have.
    """
    flattened: dict[str, Any] = {}
    for name, item in tensors.items():
        if name.endswith(PACKED) and isinstance(item, tuple):
            stem = name.removesuffix(PACKED)
            flattened |= flat({f"{stem}{end}": v for end, v in zip(("weight", "bias"), item, strict=False)
                           if isinstance(v, View | Parts)}, about)  # fmt: skip
        elif isinstance(item, Parts):
            flattened |= {f"{name}:{part}": _along(name, part, item) for part in item.tensors}
            if item.kind != "qtensor":
                about[name] = json.dumps({"_type": item.kind, "_data": _settings(item)})
        elif isinstance(item, View):
            flattened[name] = item
    return flattened


def _along(name: str, part: str, item: Parts) -> View | float:
    """A part; scales and zero points per channel of another axis than the first lie along that one.

    (channels,) -> (1, ..., channels, ..., 1), as many axes as the codes have.
    """
    values, codes = item.tensors[part], item.tensors["qdata"] if item.axis else None
    if part == "qdata" or not isinstance(values, View) or not isinstance(codes, View):
        return values
    axis, count = item.axis, len(codes.shape)
    if values.shape != codes.shape[axis : axis + 1]:
        raise RefusedError(
            f"gives {name[:80]!r}, codes of shape {describe(codes.shape)}, a {part.replace('_', ' ')} of "
            f"shape {describe(values.shape)} along axis {axis}; expected one per channel of an axis from 0 "
            f"to {count - 1}"
        )
    ones = [1] * count
    return replace(
        values,
        shape=(*ones[:axis], *values.shape, *ones[axis + 1 :]),
        strides=(*ones[:axis], *values.strides, *ones[axis + 1 :]),
    )


def _settings(item: Parts) -> dict[str, Any]:
    """What a torchao tensor says of the bits of its codes and of activations, as its JSON encoder says it."""
    fields = {name: _word(value) for name, value in item.settings.items() if str(name).startswith("act")}
    dtype = _word(item.settings.get("target_dtype"))
    if dtype:
        fields["target_dtype"] = {"_type": "torch.dtype", "_data": dtype.removeprefix("torch.")}
    return fields


def _word(value: Any) -> Any:
    """A setting in a word: itself, the name that it goes by, or else its type; None where there is none."""
    if value is None:
        return None
    return (value if isinstance(value, str) else str(getattr(value, "name", type(value).__name__)))[:MOST]
