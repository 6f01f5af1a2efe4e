"""Bits that flip in activations: 8-bit codes of what layers read, every bit with the same probability.

Activations live for one image only, so these faults are transient: every forward pass draws new ones, and
nothing has to be undone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from resq import data
from resq.core.errors import ResqError
from resq.data import order
from resq.memory import bits
from resq.memory.faults import drawn_at
from resq.networks import activations
from resq.networks.activations import Change, Changed, Ranges

CALIBRATION = 500  # training images


class Flips:
    """How many bits have flipped so far, of how many stored."""

    def __init__(self) -> None:
        self.flips = self.bits = 0


def calibrated(network: nn.Module, dataset: str, *, inputs: bool) -> dict[str, tuple[float, float]]:
    """Ranges of the activations over the first 500 training images.

    Raises:
        ValueError: no data set, as of a module of a person's own.
        FileNotFoundError: the images are not on this machine.
    """
    if not dataset:
        raise ResqError(
            "bits of activations flip in codes over the range that training images show, and a module of "
            "your own names none; give another fault model, or a checkpoint"
        )
    images = data.load(dataset, "train")
    images = order.few(images, min(CALIBRATION, len(images)))
    x = torch.from_numpy(np.ascontiguousarray(images.pixels)).float().div_(255)
    return activations.ranges(network, x, inputs=inputs)


def faulty(
    network: nn.Module, ranges: Ranges, rate: float, *, rng: np.random.Generator, top: float = 0.0
) -> tuple[Changed, Flips]:
    """The network reading 8-bit activations whose bits flip with probability ``rate``, and their count.

    Args:
        ranges: ``activations.ranges(network, x, inputs=True)``.
        rate: per bit of every activation tensor that a convolution or linear layer reads, but the pixels.
        rng: read in the order of the forward passes, so the same images in the same order see the same flips.
        top: the rate that is drawn at; at ``rate`` a part of these flips, as in the weights' fault maps.

    Raises:
        ValueError: a rate outside [0, 1] or beyond ``top``.
    """
    top = drawn_at(top, rate)
    count = Flips()
    changes = {name: _flipping(*span, rate, top, rng, count) for name, span in ranges.items()}
    return Changed(network, changes, inputs=True), count


def _flipping(
    low: float, high: float, rate: float, top: float, rng: np.random.Generator, count: Flips
) -> Change:
    def change(a: Tensor) -> Tensor:
        code = activations.codes(a, low, high).contiguous()
        at = bits.sparse(8 * code.numel(), top, rng)
        at = at[rng.random(len(at)) * top <= rate] if rate else at[:0]
        index, mask = bits.masks(at, 8, np.dtype("u1"))
        code.view(-1).numpy()[index] ^= mask
        count.flips, count.bits = count.flips + len(at), count.bits + 8 * code.numel()
        return activations.straight_through(a, low, high, activations.values(code, low, high))

    return change
