"""Floats of eight bits, as safetensors and torch name them: each byte as the float32 that it stands for.

Source: the OCP 8-bit floating point specification (E4M3, E5M2), OCP microscaling formats (E8M0) and, for the
``FNUZ`` forms, arXiv:2206.02915; the values are torch's own.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SMALL = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz",
         "F8_E5M2FNUZ": "float8_e5m2fnuz", "F8_E8M0": "float8_e8m0fnu"}  # fmt: skip
UNSIGNED = {"U16": "u2", "U32": "u4", "U64": "u8"}
TORCH = {**{name: kind for kind, name in SMALL.items()}, "uint16": "u2", "uint32": "u4", "uint64": "u8"}
SIZES = {**dict.fromkeys(SMALL, 1), **{kind: int(kind[1]) for kind in UNSIGNED.values()}}


@cache
def table(kind: str) -> np.ndarray:
    """What each of the 256 bytes stands for, float32 (256,).

    >>> table("F8_E4M3")[[0x38, 0x7e]].tolist(), table("F8_E5M2")[[0x3c, 0x7b]].tolist()
    ([1.0, 448.0], [1.0, 57344.0])
    """
    import torch

    bytes_ = torch.arange(256, dtype=torch.int32).to(torch.uint8)
    return bytes_.view(getattr(torch, SMALL[kind])).float().numpy()
