"""Images as a network's input takes them, in torch: what ``deployed.pixels`` does, with gradients."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from resq.deployed.pixels import Pixels

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601


def values(x: Tensor, pixels: Pixels) -> Tensor:
    """Images (N, C, H, W) in [0, 1] as the numbers that the input stands for, in its order of axes.

    Sizes are changed bilinearly with smoothing, which is Pillow's way to within its rounding.
    """
    v = _fitted(x, pixels)
    v = v * (pixels.high - pixels.low) + pixels.low
    mean, std = (torch.tensor(n, dtype=v.dtype).reshape(1, -1, 1, 1) for n in (pixels.mean, pixels.std))
    v = (v - mean) / std
    return v if pixels.layout == "nchw" else v.permute(0, 2, 3, 1)


def _fitted(x: Tensor, pixels: Pixels) -> Tensor:
    if x.shape[1] == 3 and pixels.channels == 1:
        x = (x * torch.tensor(LUMA, dtype=x.dtype).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    elif x.shape[1] == 1 and pixels.channels == 3:
        x = x.expand(-1, 3, -1, -1)
    size = (pixels.height, pixels.width)
    if x.shape[2:] == size:
        return x
    return F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
