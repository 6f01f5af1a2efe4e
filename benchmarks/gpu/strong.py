"""AutoAttack on finished networks, by processes of their own beside the training.

A job is a JSON file in a folder: the weights' file, with its pool or not, and whether it is to be the whole
AutoAttack. A worker takes the first by name and writes which images withstood each attack so far as soon as
it knows, so that a run that is cut off leaves what it found. APGD of all networks goes before what is left of
AutoAttack, which rarely finds more.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.gpu import judge, words

APGD = ["apgd-ce", "apgd-t"]
REST = ["fab-t", "square"]  # of the standard version, on the images that APGD left
SEED = 0


class Turned(torch.autograd.Function):
    """Images in the order that the GPU is quick with, their gradient in the order that the attacks expect."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """``x`` in the order channels last."""
        return x.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The gradient in the usual order."""
        return gradient.contiguous()


def attack(network: nn.Module, x: Tensor, y: Tensor, kind: str, eps: float, cut: float = 1.0) -> Tensor:
    """The images after one attack of the standard version; ``cut`` shortens it for trials."""
    from pyautoattack import AutoAttack

    whole = AutoAttack(
        lambda z: network(Turned.apply(z)),
        attacks=[kind],
        version="custom",
        eps=eps,
        seed=SEED,
        device=x.device,
    )
    whole.verbose = False
    whole.apgd.n_restarts = whole.fab.n_restarts = whole.apgd_targeted.n_restarts = 1
    whole.apgd_targeted.n_target_classes = whole.fab.n_target_classes = max(1, round(9 * cut))
    whole.square.n_queries = round(5000 * cut)
    whole.fab.n_iter = round(100 * cut)
    return whole.run_standard_evaluation(x.contiguous(), y, batch_size=len(x))[0].detach()


Found = dict[str, np.ndarray]


def withstood(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    kinds: list[str],
    note: Callable[[Found], None],
    *,
    before: Found | None = None,
    cut: float = 1.0,
    eps: float = judge.EPS,
) -> Found:
    """Which images (N,) are right clean and after each attack so far.

    Args:
        note: is handed each new state.
        before: what was found of attacks that were made already, the last of them last.
    """
    clean = judge.right(network, x, y)
    found = dict(before or {"clean": clean.cpu().numpy()})
    left = torch.from_numpy(list(found.values())[-1]).to(x.device) & clean
    for kind in kinds:
        rows = left.nonzero()[:, 0]
        moved = attack(network, x[rows], y[rows], kind, eps, cut) if len(rows) else x[rows]
        still = judge.right(network, moved, y[rows])
        found |= _checked(network, moved, x[rows], y[rows], still, kind)
        left = left.clone()
        left[rows] = still
        found[kind] = left.cpu().numpy()
        note(found)
    return found


def _checked(network: nn.Module, moved: Tensor, x: Tensor, y: Tensor, still: Tensor, kind: str) -> Found:
    """How many images found by an attack float32 without TF32 answers rightly, and how far one was moved."""
    torch.backends.cudnn.allow_tf32 = False
    doubtful = int((judge.right(network, moved, y) & ~still).sum()) if len(x) else 0
    torch.backends.cudnn.allow_tf32 = True
    far = float((moved - x).abs().max()) * 255 if len(x) else 0.0
    return {f"{kind}|doubtful": np.array(doubtful), f"{kind}|moved_255": np.array(far, np.float32)}


def work(jobs: Path, out: Path, x: Tensor, y: Tensor, cut: float) -> None:
    """Takes jobs, first by name, until there is a file ``stop`` and no job is left."""
    while True:
        if (job := _taken(jobs)) is None:
            if (jobs / "stop").exists():
                return
            time.sleep(0.2)
            continue
        _do(job, out, x, y, cut)
        if job.pop("rest"):
            put(jobs / f"9-{job['name']}.json", {**job, "rest": False, "kinds": REST})


def _do(job: dict[str, Any], out: Path, x: Tensor, y: Tensor, cut: float) -> None:
    """One job, its findings added to those that its network has already."""
    began, file = time.perf_counter(), out / f"{job['name']}.npz"
    network = words.load(Path(job["weights"]), x.device, job["pool"])
    n, before = min(job["n"], len(x)), dict(np.load(file)) if file.exists() else {}
    spent = float(before.pop("seconds", 0.0))

    def note(found: Found) -> None:
        part = file.with_suffix(".part.npz")
        all_ = {**found, "seconds": np.array(spent + time.perf_counter() - began)}
        np.savez_compressed(part, **all_)  # type: ignore[arg-type]
        part.replace(file)

    withstood(network, x[:n], y[:n], job.get("kinds", APGD), note, before=before, cut=cut)


def put(file: Path, job: dict[str, Any]) -> None:
    """Writes a job such that no worker sees half of it."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(job))
    part.replace(file)


def _taken(jobs: Path) -> dict[str, Any] | None:
    """The first job that no other worker took."""
    for file in sorted(jobs.glob("*.json")):
        mine = file.with_suffix(".taken")
        try:
            file.rename(mine)
        except FileNotFoundError:
            continue
        return json.loads(mine.read_text())
    return None


def main() -> None:
    """The worker's process."""
    ask = argparse.ArgumentParser()
    for name in ("jobs", "out", "test"):
        ask.add_argument(f"--{name}", type=Path, required=True)
    ask.add_argument("--cut", type=float, default=1.0)
    given = ask.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = False  # the number of images changes with every attack
    test = np.load(given.test)
    x = torch.from_numpy(test["x"]).to(device).float().div(255)
    work(given.jobs, given.out, x, torch.from_numpy(test["y"]).to(device), given.cut)


if __name__ == "__main__":
    main()
