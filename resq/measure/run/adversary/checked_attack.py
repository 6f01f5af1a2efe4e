"""The checks of ``gradient_masking`` on a checkpoint under PGD."""

from __future__ import annotations

from typing import Any

import torch

from resq import checkpoints
from resq.core import Encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.measure.run.gradient_masking import parent_of, run_checks
from resq.measure.specs.sweep_spec import SweepSpec


def checked(spec: SweepSpec) -> dict[str, Any]:
    """What ``--json`` prints: the guards under PGD of the spec's steps and its one budget."""
    checkpoint = checkpoints.load(spec.checkpoint)
    images = sweep.test_images(spec, checkpoint)
    bench, parent = (FaultyNetwork(checkpoint, Encoding.parse(name)) for name in (spec.encoding, "fp32"))
    x, y = sweep.pixels(images), torch.from_numpy(images.y)
    checks = run_checks(bench, parent_of(bench, parent)[0], x, y, spec.eps[0], spec.steps, spec.seed)
    return {
        "checkpoint": spec.checkpoint,
        "data": images.name,
        "encoding": spec.encoding,
        "n": len(images),
        "eps": spec.eps[0],
        "steps": spec.steps,
        "seed": spec.seed,
        "weights": checkpoint.hash,
        "images": images.hash,
        "code": sweep.code_of(spec.cells()),
        "guards": [guard.row() for guard in checks],
    }
