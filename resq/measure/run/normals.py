"""Whether a network would be right more often if its images were normalised in another usual way."""

from __future__ import annotations

import torch

from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding
from resq.data.normal import USUAL, Normal
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import evaluate
from resq.measure.run.other_normal import Other, compared
from resq.measure.run.sweep import pixels
from resq.networks import Network

FIRST = 500  # images on which all of them are tried; the best one then sees all

SLACK = 3  # images fewer right of the first ones: not worth looking at all


def other(checkpoint: Checkpoint, images: Dataset) -> Other | None:
    """The usual normalisation that is right most often, where that is at least as often as the one in use.

    Args:
        images: all test images.
    """
    body, used = FaultyNetwork(checkpoint, Encoding.parse("fp32")).network.body, checkpoint.normal
    few = images.first(min(FIRST, len(images)))
    named = {name: normal for name, normal in USUAL.items() if normal != used}
    correct = {name: _right(body, normal, few).sum() for name, normal in named.items()}
    best = max(correct, key=lambda name: correct[name])
    own = _right(body, used, few)
    if correct[best] + SLACK < own.sum():
        return None
    mine, theirs = (_right(body, normal, images).numpy() for normal in (used, named[best]))
    return compared(best, mine, theirs)


def _right(body: torch.nn.Module, normal: Normal, images: Dataset) -> torch.Tensor:
    network = Network(body, normal.mean, normal.std).eval()
    right, _ = evaluate(network, pixels(images), torch.from_numpy(images.y))
    return torch.from_numpy(right)
