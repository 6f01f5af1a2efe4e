"""Accuracy of a checkpoint on a whole split, with its interval over images."""

from __future__ import annotations

from typing import Any

import torch

from resq import data
from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding
from resq.measure.analysis import stats
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import score
from resq.measure.run.sweep import pixels


def on_split(checkpoint: Checkpoint, encoding: str = "fp32", images: Dataset | None = None) -> dict[str, Any]:
    """What a card says of a split: n, correct, accuracy and its Wilson interval (95 %), all in 0..1.

    Args:
        checkpoint: the weights as they are in the file.
        encoding: how the weights are stored in memory; nothing flips.
        images: (N, H, W, 3) uint8 with labels; by default the test split of the checkpoint's data set.

    Raises:
        FileNotFoundError: the images are not on this machine.
    """
    images = data.load(checkpoint.data, "test") if images is None else images
    network, n = FaultyNetwork(checkpoint, Encoding.parse(encoding)).network, len(images)
    correct, _ = score(network, pixels(images), torch.from_numpy(images.y))
    low, high = stats.wilson(correct / n, n)
    return {"n": n, "correct": correct, "accuracy": correct / n, "low": low, "high": high,
            "encoding": encoding, "images": images.hash}  # fmt: skip
