"""The runs, in their order: a speed, a teacher, short runs and the choice, long runs, words, seeds."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from benchmarks.gpu import judge, plan, train, words
from benchmarks.gpu.methods import METHODS, Method
from benchmarks.gpu.programme import Programme


def speed(run: Programme) -> float:
    """Seconds of one N-FGSM step, and those of other forms into the log."""
    found = {}
    for name, method, pool in (("n-fgsm", METHODS[0], True), ("n-fgsm, no pool", METHODS[0], False)):
        learner = run.learner(method, 0, pool)
        done = train.run(learner, run.rows, seconds=0.5, peak=0.01)
        found[name] = {**done, "ms": round(1000 * done["seconds"] / done["steps"], 2)}
        run.note("speed", found)
    return float(found["n-fgsm"]["seconds"] / found["n-fgsm"]["steps"])


def taught(run: Programme, seconds: float) -> None:
    """The clean teacher, from a random start on the images that have come so far."""
    clean = Method("clean", "none", smooth=0.0)
    learner = run.learner(clean, 1)
    found = train.run(learner, run.rows, seconds=seconds, peak=0.2)
    teacher = learner.finished().to(torch.float32)
    held = float(judge.right(teacher, run.x, run.y).float().mean())
    run.teacher = teacher.to(torch.bfloat16).requires_grad_(False)
    run.note("teacher", {**found, "held": held, "learned": len(run.rows)})


def pilots(run: Programme, step: float) -> Method:
    """Short runs of all methods at equal cost in passes, and the choice among them."""
    base, rows = METHODS[0].passes(), {}
    seconds = max(0.5, run.shares.turn(f"pilot-{METHODS[0].name}", run.left()))
    for method in METHODS:
        name = f"pilot-{method.name}"
        if method is not METHODS[0] and not run.shares.turn(name, run.left()):
            continue
        steps = max(2, round(seconds / step * base / method.passes()))
        if row := tried(run, name, method, 1.6 * seconds, steps=steps):
            rows[method.name] = row
    method = plan.chosen(rows)
    run.note("chosen", method.name)
    return method


def fronts(run: Programme, method: Method) -> None:
    """The long runs, their words, and the seeds, as long as there is time."""
    pilot = run.log["runs"][f"pilot-{method.name}"]
    first = replace(method, eps=plan.budget(100 * pilot["clean"], 8.0, plan.FIRST, plan.GAIN))
    row = long(run, "first", first)
    worded(run, "first", first)
    long(run, "bare", replace(method, eps=plan.BARE_EPS), pool=False)
    clean = row["clean"] if row else pilot["clean"] + plan.GAIN / 100
    second = replace(method, eps=plan.budget(100 * clean, first.eps, plan.SECOND))
    long(run, "second", second)
    worded(run, "second", second)
    for seed in (1, 2):
        if seconds := run.shares.turn(f"seed-{seed}", run.left()):
            tried(run, f"seed-{seed}", method, 1.6 * seconds, seed=seed, steps=pilot["steps"])


def long(run: Programme, name: str, method: Method, pool: bool = True) -> dict[str, Any] | None:
    """A run of as many seconds as its share is."""
    seconds = run.shares.turn(name, run.left())
    return tried(run, name, method, seconds, pool=pool) if seconds else None


def tried(run: Programme, name: str, method: Method, seconds: float, **how: Any) -> dict[str, Any] | None:
    """``fit``, or None and a line in the log: one run that fails takes no other with it."""
    try:
        return run.fit(name, method, seconds, **how)
    except Exception:
        run.note(f"{name} failed", traceback.format_exc())
        return None


def worded(run: Programme, start: str, method: Method) -> None:
    """Goes on from a robust network with bits of its 4-bit words flipped; labels alone are asked for."""
    name, method = f"{start}-words", replace(method, smooth=0.0, taught=0.0)
    if not (seconds := run.shares.turn(name, run.left())):
        return
    try:
        _worded(run, start, name, method, seconds)
    except Exception:
        run.note(f"{name} failed", traceback.format_exc())


def _worded(run: Programme, start: str, name: str, method: Method, seconds: float) -> None:
    torch.manual_seed(0)
    network = words.load(run.out / "nets" / f"{start}.safetensors", run.device)
    learner = words.WordLearner(network, run.images, run.batch, method, 0.05)
    found = train.run(learner, run.rows, seconds=seconds, peak=0.02)
    network = learner.finished()
    row = run.finish(name, network, found, pool=True, bits=4, method=vars(method), rate=0.05)
    row["faulty"] = faulty(run, network)
    run.note("faulty", row["faulty"])


def faulty(run: Programme, network: nn.Module) -> dict[str, float]:
    """Held-out accuracy with flips in int4-tmr2 words, mean of five maps at each bit error rate."""
    found: dict[str, float] = {}
    kept = {k: v.clone() for k, v in network.state_dict().items()}
    for rate in (0.01, 0.05, 0.1):
        scores = []
        for _ in range(5):
            network.load_state_dict(kept)
            words.stored_as(network, 4, rate)
            scores.append(float(judge.right(network, run.x, run.y).float().mean()))
        found[str(rate)] = round(sum(scores) / 5, 4)
    return found
