"""``python -m benchmarks.equal_cost.side_by_side LIST VARIANT LIST VARIANT``: two hardenings, timed in turn.

Of either the first stage is timed, ``adversarial``: epochs of few images, in turn, and what is asked after
an epoch apart, since that does not grow with the images. The whole cost is of all images and epochs of the
lists. Both go on from the second's base: what a step takes does not depend on the weights, and the first's
may not be here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resq import checkpoints, data
from resq.core import Dataset, seeds
from resq.core.errors import ResqError
from resq.data.held_out import held_out
from resq.platform import malloc
from resq.training import hardening_list, train
from resq.training.presets import Plan
from resq.training.recipe import Recipe
from resq.training.stages import STAGES
from resq.training.tuning import watch
from resq.training.tuning.stage import StageInput


def main() -> None:
    """Times both and prints what came, as JSON."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.equal_cost.side_by_side", description=__doc__
    )
    options.add_argument("of", nargs=4, metavar="LIST VARIANT", help="two files, each with a variant of it")
    options.add_argument("--images", type=int, default=4800, help="of a timed epoch")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    try:
        plans = [planned(Path(given.of[i]), given.of[i + 1]) for i in (0, 2)]
        print(json.dumps(compared(plans, given.images, given.rounds), indent=1))
    except ResqError as error:
        options.exit(2, f"{options.prog}: {error}\n")


def planned(file: Path, variant: str) -> Plan:
    """The plan of that variant in a list of checkpoints.

    Raises:
        ResqError: no such list or variant, or one whose first stage is another.
    """
    plans = {plan.result.rpartition("/")[2]: plan for plan in hardening_list.read(file)}
    if variant not in plans or plans[variant].stages[0][0] != "adversarial":
        first = [name for name, plan in plans.items() if plan.stages[0][0] == "adversarial"]
        raise ResqError(
            f"{file.name} hardens no {variant!r} against attacks first; it does: {', '.join(first)}"
        )
    return plans[variant]


def compared(plans: Sequence[Plan], images: int, rounds: int) -> dict[str, Any]:
    """Seconds of the processor of either, in turn, and how the second's whole cost stands to the first's."""
    rows: list[dict[str, Any]] = [{"plan": plan.hash, "image": [], "look": []} for plan in plans]
    for seed in range(rounds):
        for row, plan in zip(rows, plans, strict=True):
            image, look = timed(plan, plans[1].base, images, seed)
            row["image"].append(image)
            row["look"].append(look)
    for row, plan in zip(rows, plans, strict=True):
        learned, _ = held_out(data.load(plan.base.partition("/")[0], "train"))
        epochs, of_each = plan.stages[0][1]["epochs"], plan.images or len(learned)
        means = np.array(row["image"]) * of_each + np.array(row["look"])
        row |= {
            "epochs": epochs,
            "images": of_each,
            "whole": [round(float(one) * epochs, 1) for one in means],
        }
    each = np.divide(rows[1]["whole"], rows[0]["whole"])
    share = sum(rows[1]["whole"]) / sum(rows[0]["whole"])
    return {"first": rows[0], "second": rows[1], "share": share, "by_round": each.tolist()}


def timed(plan: Plan, start: str, images: int, seed: int) -> tuple[float, float]:
    """Seconds of the processor for an image of an epoch, and for what is asked after one."""
    options = {
        **plan.stages[0][1],
        "epochs": 1,
        "average": 0,
        "decay": 0.0,
        "watch": 0,
        "batch": 128,
        "drop": 1.0,
    }
    base = checkpoints.load(start)
    learned, valid = held_out(data.load(base.data, "train"))
    with tempfile.TemporaryDirectory() as folder:
        site = StageInput(
            base, learned.first(images), valid, seed, Path(folder) / "run.pt", lambda row: None, True
        )
        log = STAGES["adversarial"].run(site, options).log
    return log[0]["processor"] / images, looked(plan, base, valid)


def looked(plan: Plan, base: checkpoints.Checkpoint, valid: Dataset) -> float:
    """Seconds of the processor for PGD on the held-out images that the plan watches, where it does."""
    count = plan.stages[0][1]["watch"]
    if not count:
        return 0.0
    state = {name: torch.tensor(value) for name, value in base.state.items()}
    run = train.start(Recipe(base.data, base.network), state, normal=base.normal)
    began = time.process_time()
    watch.robust(run, valid.first(count), 8 / 255, seeds.rng(0, "look"))
    return time.process_time() - began


if __name__ == "__main__":
    malloc.retain_freed()  # as `python -m resq` does
    main()
