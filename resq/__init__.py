"""Quantized networks under bit flips and adversarial examples: what a notebook needs, in a dozen names.

>>> import resq
>>> model = resq.load("signs/resnet20/base")
>>> x, y = resq.load_images("signs", n=100)
>>> result = resq.sweep(model, x, y, encoding="int4-tmr2", ber=[0, 1e-2], maps=2)
>>> [row["flips"] > 0 for row in result.rows]
[False, True, True]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resq.api.flips import flip_bits, quantize
    from resq.api.images import load_images
    from resq.api.making import harden, report
    from resq.api.measuring import attack, sensitivity, sweep
    from resq.api.models import load
    from resq.attacks.gradient import ATTACKS
    from resq.core.encoding import Encoding
    from resq.data import DATASETS
    from resq.memory.faults import FAULTS
    from resq.networks import NETWORKS

__version__ = "0.1.0"
# Name -> where it is defined. Loaded when it is first asked for: a command that only prints needs no torch.
_WHERE = {
    "load": "resq.api.models",
    "load_images": "resq.api.images",
    "quantize": "resq.api.flips",
    "flip_bits": "resq.api.flips",
    "sweep": "resq.api.measuring",
    "attack": "resq.api.measuring",
    "sensitivity": "resq.api.measuring",
    "harden": "resq.api.making",
    "report": "resq.api.making",
    "Encoding": "resq.core.encoding",
    "FAULTS": "resq.memory.faults",
    "ATTACKS": "resq.attacks.gradient",
    "NETWORKS": "resq.networks",
    "DATASETS": "resq.data",
}
__all__ = [
    "ATTACKS", "DATASETS", "FAULTS", "NETWORKS", "Encoding", "attack", "flip_bits", "harden", "load",
    "load_images", "quantize", "report", "sensitivity", "sweep",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'resq' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
