"""What measuring costs on a CUDA device beside its own passes, and whether it finds what the CPU finds.

``python -m benchmarks.gpu.device --out device.jsonl``: a few minutes with one device; every line is written
as soon as it is known. Where there is no such device, it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resq.attacks.gradient import gradient
from resq.core.errors import ResqError
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import BATCH, look
from resq.measure.run import joint_attack, sweep
from resq.measure.run.joint_attack import AttackConfig
from resq.measure.specs.sweep_spec import SweepSpec
from resq.platform import devices

CHECKPOINT, RATES, STEPS, EPS = "cifar10/resnet18/base", (1e-4, 1e-3, 5e-3, 1e-2), 20, 8.0
COMPARED = 1000  # images on which the CPU is asked too


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """How long the work takes, until the device has done it."""
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def lines(device: torch.device, checkpoint: str, n: int, maps: int) -> Iterator[dict[str, Any]]:
    """One object per question, as soon as it is answered."""
    spec = SweepSpec(checkpoint, encoding="int8", bers=RATES, maps=maps, n=n)
    measurer = sweep.Measurer(device)
    first = next(spec.cells())
    measurer.row(first)  # libraries choose their kernels
    bench = measurer._bench(checkpoint, first_hash(checkpoint), "int8", "fp32", False)
    x, y, _ = measurer._pictures(spec.dataset, "first", n, 0, 0)
    yield {"what": "device", "is": devices.label(device, "the processor"), "torch": torch.__version__}
    yield _sweep(device, measurer, spec, bench, x, y)
    yield _pgd(device, bench, x, y)
    yield agreement(device, checkpoint, min(n, COMPARED), min(maps, 3))


def first_hash(checkpoint: str) -> str:
    """What rows say of the checkpoint's weights."""
    from resq.measure.specs import cells

    return cells.weights_of(checkpoint)


def _sweep(
    device: torch.device,
    measurer: sweep.Measurer,
    spec: SweepSpec,
    bench: FaultyNetwork,
    x: Tensor,
    y: Tensor,
) -> dict[str, Any]:
    """A sweep beside as many passes of the network alone."""
    cells = list(spec.cells())
    whole = seconds(lambda: [measurer.row(cell) for cell in cells], device)
    alone = seconds(lambda: [look(bench.network, x, y) for _ in cells], device)
    return {"what": "sweep", "cells": len(cells), "n": spec.n, "seconds": whole, "passes": alone,
            "ratio": whole / alone}  # fmt: skip


def _pgd(device: torch.device, bench: FaultyNetwork, x: Tensor, y: Tensor) -> dict[str, Any]:
    """PGD without an early stop beside as many gradients of the images."""
    config = AttackConfig("pgd", EPS, STEPS)

    def gradients() -> None:
        for part, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
            for _ in range(STEPS):
                gradient(bench.network, part, labels)

    whole = seconds(lambda: joint_attack.perturb(bench.network, x, y, config, early_stop=False), device)
    alone = seconds(gradients, device)
    return {"what": f"pgd-{STEPS}", "n": len(y), "seconds": whole, "passes": alone, "ratio": whole / alone}


def agreement(device: torch.device, checkpoint: str, n: int, maps: int) -> dict[str, Any]:
    """Rows of the device beside the CPU's: the flips are the same, and counts differ by so many images."""
    spec = SweepSpec(checkpoint, encoding="int8", bers=RATES, maps=maps, n=n)
    pairs = list(zip(sweep.run(spec, device), sweep.run(spec), strict=True))
    return {
        "what": "agreement", "n": n, "cells": len(pairs),
        "same flips and keys": all((a["flips"], a["key"]) == (b["flips"], b["key"]) for a, b in pairs),
        "images apart at most": max(abs(a["correct"] - b["correct"]) for a, b in pairs),
    }  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Measures and writes; 2 with a sentence where there is no device."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.device", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--checkpoint", default=CHECKPOINT)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--maps", type=int, default=20)
    parser.add_argument("--out", type=Path, help="also append the lines to this file")
    arguments = parser.parse_args(argv)
    try:
        device = devices.chosen(arguments.device)
    except ResqError as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        return 2
    for line in lines(device or torch.device("cpu"), arguments.checkpoint, arguments.n, arguments.maps):
        text = json.dumps(line)
        print(text, flush=True)
        if arguments.out:
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
