"""torchvision, importable beside a CPU-only torch.

torchvision's wheel on the package index is built for CUDA torch. Beside a CPU torch its compiled library
cannot load, so the operators that its Python code refers to at import time are missing and the import ends
with "operator torchvision::nms does not exist". The networks here use none of these operators; declaring
their schemas is enough. Where the compiled library does load, nothing is declared.
"""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path
from types import ModuleType

import torch

from resq.core.errors import LackingError

SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

# A torch.library.Library withdraws its operators when it is collected: it must live as long as the process.
_declared: list[torch.library.Library] = []


def _compiled_library_loads() -> bool:
    """Whether torchvision's own C++ operators can be registered beside this torch."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise LackingError("torchvision is not installed; pip install -r requirements.txt brings it")
    libraries = list(Path(spec.origin).parent.glob("_C.*"))
    try:
        for library in libraries:
            ctypes.CDLL(str(library))
    except OSError:
        return False
    return bool(libraries)


def torchvision() -> ModuleType:
    """The torchvision module, with ``nms`` and ``qnms`` declared where its compiled library cannot load."""
    if not _declared and not hasattr(torch.ops.torchvision, "nms") and not _compiled_library_loads():
        library = torch.library.Library("torchvision", "DEF")  # noqa: TOR901 - kept alive in _declared
        for operator in ("nms", "qnms"):
            library.define(operator + SCHEMA)
        _declared.append(library)
    import torchvision as module

    return module
