"""torchvision, importable beside a CPU-only torch.

torchvision's wheel on the package index is built for CUDA torch. Beside a CPU torch its compiled library
cannot load, so the operators that its Python code refers to at import time are missing and the import ends
with "operator torchvision::nms does not exist". The networks here use none of these operators; declaring
their schemas is enough. Where the compiled library does load, nothing is declared.

One of its operators asks torch's compiler whether it is there, and imports all of it for that as soon as
torchvision is imported: 800 modules of torch._dynamo and sympy, 70 MB and a second. Here that waits until the
question is put; ``DEFERRED = False`` imports as torchvision does by itself.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from resq.core.errors import LackingError

SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

SHARED = (".so", ".pyd", ".dylib", ".dll")

DEFERRED, COMPILER = True, "torch._dynamo.utils"

# A torch.library.Library withdraws its operators when it is collected: it must live as long as the process.
_declared: list[torch.library.Library] = []


def _compiled_library_loads() -> bool:
    """Whether torchvision's own C++ operators can be registered beside this torch.

    True also where no library of a known name is there: operators that are declared here and then registered
    by a library end the whole process, where an import that lacks them raises.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise LackingError("torchvision is not installed; pip install -r requirements.txt brings it")
    libraries = compiled(Path(spec.origin).parent)
    try:
        for library in libraries:
            ctypes.CDLL(str(library))
    except OSError:
        return False
    return True


def compiled(folder: Path) -> list[Path]:
    """The libraries of operators in torchvision's folder: ``_C.so``, from 0.29 on ``_C_stable.so``."""
    return [file for file in sorted(folder.glob("_C*")) if file.suffix in SHARED]


def torchvision() -> ModuleType:
    """The torchvision module, with ``nms`` and ``qnms`` declared where its compiled library cannot load."""
    if not _declared and not hasattr(torch.ops.torchvision, "nms") and not _compiled_library_loads():
        library = torch.library.Library("torchvision", "DEF")  # noqa: TOR901 - kept alive in _declared
        for operator in ("nms", "qnms"):
            library.define(operator + SCHEMA)
        _declared.append(library)
    with _deferred():
        import torchvision as module
    return module


class _Later(ModuleType):
    """A module's place until something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "is_compile_supported":  # torchvision's one question, which it puts when it is called
            return lambda device: _itself(self).is_compile_supported(device)
        return getattr(_itself(self), name)


def _itself(place: ModuleType) -> ModuleType:
    """The module for which a place was kept."""
    if sys.modules.get(place.__name__) is place:
        del sys.modules[place.__name__]
    return importlib.import_module(place.__name__)


@contextmanager
def _deferred() -> Iterator[None]:
    """While torchvision is imported, a place is kept for torch's compiler where it was not loaded yet."""
    if not DEFERRED or COMPILER in sys.modules:
        yield
        return
    place = sys.modules[COMPILER] = _Later(COMPILER)
    try:
        yield
    finally:
        if sys.modules.get(COMPILER) is place:
            del sys.modules[COMPILER]
