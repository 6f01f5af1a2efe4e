"""Runs the programme: ``python -m benchmarks.gpu --help``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import torch

from benchmarks.gpu import images, runs
from benchmarks.gpu.learner import Learner
from benchmarks.gpu.programme import Programme

TEACHER = 15.0  # seconds


def main() -> None:
    """Everything, up to the file ``done`` in the folder of results."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument(
        "--parts", type=Path, nargs="+", required=True, help="parquet files of the training split"
    )
    ask.add_argument("--test", type=Path, required=True, help="parquet file of test images")
    ask.add_argument("--shipped", type=Path, help="folder of networks of codes to attack besides")
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument(
        "--patience", type=float, default=100, help="seconds to wait for a part that is not there yet"
    )
    ask.add_argument("--seconds", type=float, default=540, help="from when the last part has come to the end")
    ask.add_argument(
        "--end", type=float, default=0, help="no later than this, seconds since the epoch; 0: no matter"
    )
    ask.add_argument("--workers", type=int, default=3)
    ask.add_argument(
        "--eager", action="store_true", help="no CUDA graphs: slower, and nothing can fail in them"
    )
    ask.add_argument("--tiny", action="store_true", help="the same on few images with a thin network")
    given = ask.parse_args()
    torch.backends.cudnn.benchmark = True
    Learner.graphs = not given.eager
    run = Programme(given.out, time.time() + given.patience + given.seconds, given.tiny)
    workers: list[subprocess.Popen[bytes]] = []
    try:
        _all(run, given, workers)
    except BaseException:
        run.note("failed", traceback.format_exc())
        raise
    finally:
        (run.jobs / "stop").touch()
        for worker in workers:
            try:
                worker.wait(max(0.1, run.left()))
            except subprocess.TimeoutExpired:
                worker.kill()
        run.note("ended", round(run.left(), 1))
        (run.out / "done").touch()


def _all(run: Programme, given: argparse.Namespace, workers: list[subprocess.Popen[bytes]]) -> None:
    few = 512 if given.tiny else None
    total = few or images.TRAIN
    parts = [images.read(given.parts[0], few and few // 2)]
    run.tests(*images.read(given.test, 32 if given.tiny else 1000))
    workers.extend(_worker(run, i) for i in range(given.workers))
    run.take(*parts[0], total)
    step = runs.speed(run)
    runs.taught(run, 1.0 if given.tiny else TEACHER)
    parts += [images.read(p, few and few // 2) for p in given.parts[1:] if _came(p, given.patience)]
    run.end = min(time.time() + given.seconds, given.end or np.inf)
    run.note("end", {"seconds": round(run.left(), 1), "parts": len(parts)})
    if given.shipped:
        for file in sorted(given.shipped.glob("*.safetensors")):
            run.ask(2, f"shipped-{file.stem}", file, True)
    pixels, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    run.take(pixels, y, total)
    runs.fronts(run, runs.pilots(run, step))


def _worker(run: Programme, number: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "benchmarks.gpu.strong", "--jobs", str(run.jobs)]
    words += ["--out", str(run.out / "attacks"), "--test", str(run.out / "test.npz")]
    words += ["--cut", "0.12"] if run.tiny else []
    log = (run.out / f"worker-{number}.txt").open("wb")
    return subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)


def _came(part: Path, patience: float) -> bool:
    """Waits for a file that is put in place in one move."""
    until = time.time() + patience
    while not part.exists() and time.time() < until:
        time.sleep(0.05)
    return part.exists()


if __name__ == "__main__":
    main()
