"""torchvision beside this torch, whichever build it is: each case in a process of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_torchvision_imports_and_makes_a_network_and_is_declared_at_most_once():
    said = _python(
        "import gc, torch\n"
        "from resq.platform import torchvision_compat\n"
        "one, kept = torchvision_compat.torchvision(), list(torchvision_compat._declared)\n"
        "assert torchvision_compat.torchvision() is one and torchvision_compat._declared == kept\n"
        "gc.collect()\n"
        "assert hasattr(torch.ops.torchvision, 'nms') and hasattr(torch.ops.torchvision, 'qnms')\n"
        "print(one.__version__, sum(p.numel() for p in one.models.resnet18().parameters()))"
    )
    assert said.startswith("0.28.0")
    assert said.endswith("11689512")


def test_operators_that_are_there_already_are_not_declared_again():
    said = _python(
        "import torch\n"
        "from resq.platform import torchvision_compat\n"
        "library = torch.library.Library('torchvision', 'DEF')\n"
        "for name in ('nms', 'qnms'): library.define(name + torchvision_compat.SCHEMA)\n"
        "print(torchvision_compat.torchvision().__name__, len(torchvision_compat._declared))"
    )
    assert said == "torchvision 0"
