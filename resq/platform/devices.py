"""Where a network computes: this machine's processor, or an accelerator of CUDA where there is one.

What flips is drawn on the processor, by the same law and seed, and scattered into the weights wherever they
lie: a fault map is the same on every device. Sums of float32 are made in another order there, so an answer
near a border may be another one; a row names what computed it.
"""

from __future__ import annotations

import torch

from resq.core.errors import ResqError

NAMES = "auto, cpu, cuda or a numbered one such as cuda:1"


def chosen(name: str = "cpu") -> torch.device | None:
    """The device of a name; None for the processor, which has the quicker way of its own.

    Args:
        name: "cpu"; "cuda", "cuda:1"; or "auto", the first CUDA device, where there is none the processor.

    Raises:
        ValueError: another name, or a device that is not here.

    >>> chosen("cpu") is None
    True
    """
    if name == "auto":
        return torch.device("cuda:0") if torch.cuda.is_available() else None
    if name in ("", "cpu"):
        return None
    kind, _, number = name.partition(":")
    if kind != "cuda" or (":" in name and not number.isdecimal()):
        raise ResqError(f"devices are {NAMES}, got {name!r}")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= there:
        here = f"it has {there}" if there else "it has none that this torch can use"
        raise ResqError(f"{name} is no CUDA device of this machine: {here}; --device cpu computes everywhere")
    return torch.device("cuda", int(number or 0))


def label(device: torch.device | None, processor: str) -> str:
    """What a row calls the device; the processor's kind where that computes."""
    if device is None or device.type == "cpu":
        return processor
    return f"{device.type}, {torch.cuda.get_device_name(device)}"
