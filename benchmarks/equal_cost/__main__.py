"""``python -m benchmarks.equal_cost DESIGN.toml``: trains and judges every run of it; resumable.

Rows go to DESIGN.parquet and what each run cost to DESIGN.json beside it, after every run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.equal_cost.design import Design, Run, read
from resq.core import paths
from resq.core.errors import ResqError
from resq.core.files import write_text
from resq.measure.run import sweep
from resq.measure.store import table
from resq.platform import malloc
from resq.training import harden


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.equal_cost", description=__doc__)
    options.add_argument("design", type=Path, help="the .toml file that says what is trained and judged")
    return options


def main() -> None:
    """Runs the design; what it refuses is one sentence, and an exit with 2."""
    options = parser()
    try:
        run_all(options.parse_args().design)
    except ResqError as error:
        options.exit(2, f"{options.prog}: {error}\n")


def run_all(file: Path) -> None:
    """All runs that have no rows yet, one after another.

    Raises:
        ResqError: no such design, a field that there is not, images that are not here, or other rows.
    """
    design = read(file)
    done = runs(file, design)
    for run, seed in design.cells:
        rows = file.with_suffix(".parquet")
        known = table.read(rows) if rows.is_file() else pd.DataFrame({"checkpoint": []})
        name = design.named(run, seed)
        if name in set(known["checkpoint"]):
            continue
        weights = train(design, run, seed)
        print(f"{name}: trained in {card(weights)['minutes']:g} min", flush=True)
        fresh = judged(design, weights).assign(checkpoint=name)
        both = pd.concat([known, fresh], ignore_index=True) if len(known) else fresh
        done[name] = cost(design, run, seed, weights)
        # Rows last: they say that a run is done, so none that is cut off between the two lacks its cost.
        write_text(
            file.with_suffix(".json"), json.dumps({"design": design.hash, "runs": done}, indent=1) + "\n"
        )
        table.write(both, rows)
        print(f"{name}: judged", flush=True)


def runs(file: Path, design: Design) -> dict[str, Any]:
    """What the runs so far have cost, by the checkpoint's name.

    Raises:
        ResqError: they are of another design.
    """
    costs = file.with_suffix(".json")
    if not costs.is_file():
        return {}
    before = json.loads(costs.read_text(encoding="utf-8"))
    if before["design"] != design.hash:
        raise ResqError(
            f"{costs.name} holds runs of design {before['design']}, and {file.name} is {design.hash}; "
            "give the new design a name of its own"
        )
    return dict(before["runs"])


def train(design: Design, run: Run, seed: int) -> Path:
    """The weights of one run, trained where they are not yet there."""
    folder = paths.work() / "equal-cost" / design.hash
    plan = design.plan(run, seed)
    weights = folder / f"{plan.result}.safetensors"
    if not weights.with_suffix(".json").is_file():
        harden.publish(harden.harden(plan), folder, test=False)
        harden.forget(plan)
    return weights


def judged(design: Design, weights: Path) -> pd.DataFrame:
    """The rows of one network: clean, PGD, AutoAttack."""
    return pd.concat([table.frame(sweep.run(spec)) for spec in design.specs(weights)], ignore_index=True)


def card(weights: Path) -> dict[str, Any]:
    """The card beside the weights."""
    return dict(json.loads(weights.with_suffix(".json").read_text(encoding="utf-8")))


def cost(design: Design, run: Run, seed: int, weights: Path) -> dict[str, Any]:
    """What a run took, and what it was."""
    about = card(weights)
    return {
        "method": run.name,
        "seed": seed,
        "epochs": design.options(run)["epochs"],
        "images": run.images,
        "passes": design.passes(run),
        "processor_seconds": round(sum(row["processor"] for row in about["stages"][-1]["log"]), 1),
        **{key: about[key] for key in ("minutes", "machine", "plan", "sha256", "code")},
    }


if __name__ == "__main__":
    malloc.retain_freed()  # as `python -m resq` does
    main()
