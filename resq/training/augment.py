"""Random crops and mirrors of a whole batch at once: a loop over images costs more than the network."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def pad(pixels: np.ndarray, margin: int) -> Tensor:
    """uint8 (N, 3, H, W) -> uint8 (N, 3, H + 2 margin, W + 2 margin), borders reflected."""
    wide = ((0, 0), (0, 0), (margin, margin), (margin, margin))
    return torch.from_numpy(np.pad(pixels, wide, mode="reflect") if margin else pixels)


def crops(padded: Tensor, index: np.ndarray, size: int, rng: np.random.Generator) -> Tensor:
    """One random ``size`` x ``size`` window of each chosen image, uint8 (len(index), 3, size, size)."""
    room = padded.shape[-1] - size + 1
    top, left = torch.from_numpy(rng.integers(0, room, (2, len(index)))).to(padded.device)
    span = torch.arange(size, device=padded.device)
    rows = (top[:, None] + span)[:, :, None]  # (B, size, 1)
    columns = (left[:, None] + span)[:, None, :]  # (B, 1, size)
    which = torch.from_numpy(index).to(padded.device)[:, None, None]
    picked = padded[which, :, rows, columns]  # (B, size, size, 3)
    return picked.permute(0, 3, 1, 2)


def mirror(x: Tensor, which: np.ndarray) -> Tensor:
    """Images whose flag in ``which`` (bool, N) is set, mirrored left to right."""
    return torch.where(torch.from_numpy(which).to(x.device)[:, None, None, None], x.flip(-1), x)


def cutout(x: Tensor, side: int, fill: tuple[float, ...], rng: np.random.Generator) -> Tensor:
    """Images (N, 3, H, W), each without one ``side`` x ``side`` square, which has the colour ``fill``."""
    centre = torch.from_numpy(rng.integers(0, x.shape[-1], (2, len(x), 1))).to(x.device)
    inside = (torch.arange(x.shape[-1], device=x.device) - centre + side // 2).div(
        side, rounding_mode="floor"
    ) == 0
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]  # (N, 1, H, W)
    return torch.where(hole, torch.tensor(fill, dtype=x.dtype, device=x.device).view(1, 3, 1, 1), x)


def cutmix(x: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Images (N, 3, H, W), each with one rectangle of another; which others, int64 (N,); the share left.

    The rectangle lies at one random place for the whole batch, cut off at the border; its area is uniform
    before that, and its sides are as the image's (Yun et al. 2019, arXiv:1905.04899).
    """
    height, width = x.shape[-2:]
    other = torch.from_numpy(rng.permutation(len(x))).to(x.device)
    half_side, (row, column) = math.sqrt(rng.random()) / 2, rng.random(2)
    rows = slice(round(max(row - half_side, 0) * height), round(min(row + half_side, 1) * height))
    columns = slice(round(max(column - half_side, 0) * width), round(min(column + half_side, 1) * width))
    mixed = x.clone()
    mixed[..., rows, columns] = x[other][..., rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, other, 1 - area / (height * width)


def parts(order: np.ndarray, batch: int) -> list[np.ndarray]:
    """The order cut into full batches; what is left over waits for the next epoch's shuffle.

    ``order`` is int64 (N,), each part int64 (batch,).
    """
    whole = max(len(order) - len(order) % batch, min(batch, len(order)))
    return np.split(order[:whole], range(batch, whole, batch))
