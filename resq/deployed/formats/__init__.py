"""Deployed files -> their words. Add one: ``raw bytes -> Parsed`` and a line in FORMATS."""

from __future__ import annotations

from collections.abc import Callable

from resq.deployed.formats import onnx, tflite
from resq.deployed.words import Parsed

# Files that are networks too, and why they are not opened.
REFUSED = {
    ".pt2": "is a program of torch.export, which is not opened: torch.export.load is for trusted files, and "
    "files are read as data here; write it as .onnx, torch.onnx.export(program, dynamo=True), or give its "
    "module to resq.measure.module_subject.ModuleSubject",
}
# A file's last letters -> what reads it.
FORMATS: dict[str, Callable[[bytes], Parsed]] = {".tflite": tflite.parse, ".onnx": onnx.parse}
