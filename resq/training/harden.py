"""A plan -> a hardened checkpoint: stage after stage, resumable in each, each judged before and after."""

from __future__ import annotations

import dataclasses
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from resq import checkpoints, data
from resq.checkpoints import Checkpoint, ancestry, packed
from resq.core import Dataset, Encoding, paths
from resq.data.held_out import held_out
from resq.data.normal import KEY
from resq.measure.run import accuracy
from resq.measure.run.sweep import code_of_training
from resq.measure.specs import plugged
from resq.training import machine
from resq.training.presets import Plan
from resq.training.stages import STAGES
from resq.training.tuning.stage import StageInput
from resq.training.tuning.stage_eval import evaluate

Report = Callable[[dict[str, Any]], None]
FIRST = Encoding.parse("int8")  # how a base is looked at until a stage says otherwise


def harden(plan: Plan, report: Report = lambda row: None, quiet: bool = True) -> Checkpoint:
    """The checkpoint after all stages of the plan; killed, the same call goes on after the last epoch.

    Every finished stage is written below work/harden, so that stages pass their weights on as they are in
    the file: a resumed run and an uninterrupted one see the same numbers.

    Raises:
        ValueError: no such base, or fewer training images than the plan wants.
    """
    base = checkpoints.load(plan.base)
    train, valid = held_out(data.load(base.data, "train"))
    train = train.first(plan.images) if plan.images else train
    folder = _folder(plan, base)
    done = base
    for number, (name, options) in enumerate(plan.stages, 1):
        there = folder / f"{number}-{name}"
        if not _finished(there, plan):
            site = StageInput(
                done, train, valid, plan.seed, folder / f"{number}.pt", _named(report, name), quiet
            )
            _step(site, plan, name, options, there)
        done = checkpoints.load(str(there / f"{plan.result}.safetensors"))
    return _result(plan, base, done, train, valid, folder)


def _finished(folder: Path, plan: Plan) -> bool:
    return (folder / f"{plan.result}.json").is_file()


def _named(report: Report, stage: str) -> Report:
    return lambda row: report({"stage": stage, **row})


def _step(site: StageInput, plan: Plan, name: str, options: dict[str, Any], folder: Path) -> None:
    """Runs one stage and writes what it made, with what it changed, into ``folder``."""
    before_it = site.checkpoint
    stages_before = list(before_it.card.get("stages", [])) if _ours(before_it, plan) else []
    encoding_before = Encoding.parse(stages_before[-1]["after"]["encoding"] if stages_before else str(FIRST))
    # The stage before has looked at the very same weights, maps and images.
    before = (
        stages_before[-1]["after"]
        if stages_before
        else evaluate(before_it, encoding_before, site.valid, plan.look, plan.seed)
    )
    outcome = STAGES[name].run(site, options)
    encoding = Encoding.parse(outcome.encoding or options.get("encoding") or str(encoding_before))
    clamp = {"clamp": most} if (most := outcome.clamp or before_it.card.get("clamp")) else {}
    clamp |= {KEY: before_it.card[KEY]} if KEY in before_it.card else {}
    file = checkpoints.save(plan.result, outcome.state, before_it.weights, clamp, folder / "draft")
    after = evaluate(checkpoints.load(str(file)), encoding, site.valid, plan.look, plan.seed)
    entry = {
        "name": name,
        "options": options,
        "log": outcome.log,
        "before": before,
        "after": after,
        **outcome.notes,
    }
    about = {"plan": plan.hash, "encoding": str(encoding), **clamp, "stages": [*stages_before, entry]}
    checkpoints.save(plan.result, outcome.state, before_it.weights, about, folder)
    shutil.rmtree(folder / "draft")
    if site.keep is not None:
        site.keep.unlink(missing_ok=True)


def _ours(checkpoint: Checkpoint, plan: Plan) -> bool:
    return checkpoint.card.get("plan") == plan.hash


def _result(
    plan: Plan, base: Checkpoint, done: Checkpoint, train: Dataset, valid: Dataset, folder: Path
) -> Checkpoint:
    """The last stage's checkpoint with the card of the whole run, still below work/harden."""
    logs = [row for stage in done.card["stages"] for row in stage["log"]]
    about: dict[str, Any] = {
        "preset": plan.preset,
        "plan": plan.hash,
        "base": {"name": plan.base, "sha256": base.card["sha256"], "test": base.card.get("test")},
        "encoding": done.card["encoding"],
        **{key: done.card[key] for key in ("clamp", KEY) if key in done.card},
        "seed": plan.seed,
        "epochs": plan.epochs,
        "train": {"n": len(train), "images": train.hash},
        "valid": {"n": len(valid), "images": valid.hash},
        "minutes": round(sum(row.get("seconds", 0.0) for row in logs) / 60, 1),
        "machine": f"{platform.machine()}, {machine.described(machine.device())}",
        "code": code_of_training(base.network, base.data, [name for name, _ in plan.stages]),
        "selected": "of each stage the last epoch above its validation floor; within the run nothing "
                    "was chosen on test images",
        "look": dataclasses.asdict(plan.look),
        "stages": done.card["stages"],
    }  # fmt: skip
    look = plan.look
    about["valid"] |= {
        "classes": [len(np.unique(valid.y[:n])) for n in (look.n, min(look.n, look.attacked))],
        "seen": ancestry.before(about).share,
        "from": _held_out(about).replace(plan.base, plan.origin),
    }
    about["base"]["name"] = plan.origin  # until here the base's own card was looked for
    return checkpoints.load(
        str(checkpoints.save(plan.result, done.state, done.weights, about, folder / "result"))
    )


def _held_out(about: dict[str, Any]) -> str:
    """Where the images that judge are from, and whether they are new to the base."""
    return f"held out of the training split for the stages. {ancestry.optimism(about)}"


def publish(checkpoint: Checkpoint, folder: Path, test: bool = True) -> Path:
    """Writes the finished checkpoint into a folder of checkpoints, with its ``test`` accuracy where asked.

    A large network's weights are kept as integer codes; what is tested is what the file holds.
    """
    own = ("name", "data", "network", "sha256", "weights")
    about = {k: v for k, v in checkpoint.card.items() if k not in own}
    name, weights = checkpoint.card["name"], checkpoint.weights
    bits = packed.bits_per_weight(checkpoint.state, weights, Encoding.parse(checkpoint.card["encoding"]))
    file = checkpoints.save(name, checkpoint.state, weights, about, folder, bits)
    if not test:
        return file
    about["test"] = tested(checkpoints.load(str(file)))
    return checkpoints.save(name, checkpoint.state, weights, about, folder, bits)


def tested(checkpoint: Checkpoint) -> dict[str, Any]:
    """Accuracy on the whole test split, in the encoding that the checkpoint is meant for."""
    return accuracy.on_split(checkpoint, checkpoint.card["encoding"])


def forget(plan: Plan) -> None:
    """Removes what was kept of the plan's run; the published checkpoint stays."""
    shutil.rmtree(_folder(plan, checkpoints.load(plan.base)), ignore_errors=True)


def _folder(plan: Plan, base: Checkpoint) -> Path:
    """Where a run is kept until it is published: two bases may have one file name, a plugin other content."""
    foreign = plugged.of_training(base.network, base.data, [name for name, _ in plan.stages])
    made_of = "-".join([plan.hash, base.hash, *[foreign] * bool(foreign)])
    return paths.work() / "harden" / f"{plan.result.replace('/', '-')}-{made_of}"
