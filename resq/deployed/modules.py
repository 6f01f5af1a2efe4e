"""Torch modules of any architecture as deployed files: a plugin names them, torch.export writes them down.

    from resq.deployed.modules import MODULES, Module
    MODULES["mine"] = Module(lambda: my_network(), (3, 224, 224))

Then ``mine.pt2`` is a file for every command: ``python -m resq sweep mine.pt2 --plugin FILE.py --data ...``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from resq.core import registries
from resq.core.errors import ResqError
from resq.core.files import write_bytes
from resq.core.paths import work


@dataclass(frozen=True)
class Module:
    """A module and what it takes.

    Attributes:
        make: gives the ``nn.Module`` with its weights: images (N, *shape) in float32 -> (N, classes).
        shape: (channels, height, width) of an image.
    """

    make: Callable[[], Any]
    shape: tuple[int, int, int]


MODULES: dict[str, Module] = {}
registries.note("module", MODULES)


def exported(name: str) -> Path:
    """The file of a module, written once for the same graph and weights, so that rows keep its hash.

    Raises:
        ValueError: torch.export cannot write it down; its own words are in the sentence.
    """
    return of_module(name, MODULES[name])


@cache
def of_module(name: str, module: Module) -> Path:
    """As ``exported``, of what a name stands for now: a notebook may give it another module."""
    import torch  # only who brings a module pays for it

    images = torch.zeros(2, *module.shape)
    try:
        free = ({0: torch.export.Dim("n")},)
        program = torch.export.export(module.make().eval(), (images,), dynamic_shapes=free)
    except Exception as error:  # whatever a person's own module may raise
        reason = " ".join(str(error).split())[:300]
        raise ResqError(
            f"module {name!r} is not written down by torch.export ({type(error).__name__}: {reason}); "
            "measure it from Python with resq.measure.engine.module_subject.ModuleSubject"
        ) from None
    digest = hashlib.sha256(program.graph_module.code.encode())
    for part in list(program.graph_module.modules())[1:]:  # the branches of a torch.cond
        digest.update(str(getattr(part, "code", "")).encode())
    for key, value in sorted({**program.state_dict, **program.constants}.items()):
        digest.update(key.encode())
        if isinstance(value, torch.Tensor):
            digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    file = work() / "deployed" / f"{name}-{digest.hexdigest()[:8]}.pt2"
    if not file.is_file():
        raw = io.BytesIO()
        torch.export.save(program, raw)
        write_bytes(file, raw.getvalue())
    return file
