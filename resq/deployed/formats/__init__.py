"""Deployed files -> their words. Add one: ``raw bytes -> Parsed`` and a line in FORMATS."""

from __future__ import annotations

from collections.abc import Callable

from resq.deployed.formats import onnx, pt2, tflite
from resq.deployed.words import Parsed

# A file's last letters -> what reads it.
FORMATS: dict[str, Callable[[bytes], Parsed]] = {
    ".tflite": tflite.parse,
    ".onnx": onnx.parse,
    ".pt2": pt2.parse,
}
