"""What computed a row: the versions of the libraries that decide its last digits, and the processor."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from pathlib import Path

LIBRARIES = ("torch", "torchvision", "numpy")


@cache
def software() -> str:
    """The versions of the libraries that compute, such as "torch 2.8.0, torchvision 0.23.0, numpy 2.3.1"."""
    return ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def processor() -> str:
    """The kind of processor, such as "x86_64, Intel(R) Xeon(R) Platinum 8481C"."""
    name = _model() or platform.processor()
    return ", ".join(dict.fromkeys(filter(None, (platform.machine(), name))))


def _model() -> str:
    """What Linux calls the processor; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else ""
