"""Whether what was read out of an ONNX file answers as the file itself does: both are run on a few images."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from resq.importers.formats.pickles import RefusedError
from resq.importers.onnx import onnx_run

IMAGES, SIDE, SEED = 4, 32, 20
NEAR, NEAR_HALF = 1e-3, 2e-2  # of the largest logit, or of 1; files in float16 compute in it
PATIENCE = 300  # seconds


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model answers on the images of ``images``.

    Attributes:
        logits: float32 (N, classes); None where nothing could run it.
        runtime: what ran it, or why nothing could.
    """

    logits: np.ndarray | None
    runtime: str


def images() -> np.ndarray:
    """A few images (N, 3, 32, 32) in [0, 1], the same ones always: noise, smooth and fine."""
    rng = np.random.default_rng(SEED)
    fine = rng.random((IMAGES, 3, SIDE, SIDE), np.float32)
    smooth = rng.random((IMAGES, 3, 4, 4), np.float32).repeat(8, 2).repeat(8, 3)
    return (0.3 * fine + 0.7 * smooth).astype(np.float32)


def quick() -> bool:
    """Whether onnxruntime is installed."""
    return find_spec("onnxruntime") is not None


def answers(model: Any, x: np.ndarray, own: bool = False) -> Answers:
    """What an ONNX model answers on images (N, 3, H, W) as they are given, run in a process of its own.

    Args:
        own: as the runtime runs it by default, with all its optimisations; and where time runs out, what it
            answers on the first images.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("model.onnx", "images.npy", "logits.npy")]
        Path(paths[0]).write_bytes(model.SerializeToString())
        np.save(paths[1], x)
        try:
            done = subprocess.run([sys.executable, "-P", str(onnx_run.__file__), *paths, "own" * own],
                                  capture_output=True, text=True, timeout=PATIENCE, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            return Answers(None, f"it took longer than {PATIENCE} s")
        if done.returncode or not Path(paths[2]).is_file():
            last_line = (done.stderr.strip().splitlines() or ["it was stopped"])[-1]
            return Answers(None, last_line[:200])
        return Answers(np.load(paths[2]), done.stdout.strip())


def compare(theirs: np.ndarray, ours: np.ndarray, float16: bool) -> tuple[bool, float]:
    """Whether logits are equal but for rounding, and their largest difference.

    Raises:
        RefusedError: the file gives something else than logits for every image.
    """
    if theirs.shape != ours.shape:
        raise RefusedError(f"answers {len(ours)} images with {theirs.shape}; expected logits {ours.shape}")
    apart = float(np.max(np.abs(theirs - ours))) if np.isfinite(theirs).all() else float("inf")
    return apart <= (NEAR_HALF if float16 else NEAR) * max(1.0, float(np.abs(ours).max())), apart
