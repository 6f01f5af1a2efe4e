"""CIFAR-10 out of parquet files onto the device: bytes there, cropped and mirrored there."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

TRAIN, HELD, SEED = 50_000, 2_000, 20261128


def read(file: Path, first: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 3, 32, 32) uint8 and labels (N,) int64 of the first images of a file; all unless said."""
    table = pq.read_table(file, columns=["img", "label"]).slice(0, first)
    with ThreadPoolExecutor() as pool:  # Pillow's decoder lets other threads run
        pixels = list(pool.map(_pixels, table["img"].to_pylist(), chunksize=256))
    return np.stack(pixels).transpose(0, 3, 1, 2).copy(), table["label"].to_numpy().astype(np.int64)


def _pixels(raw: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))


def held_out(n: int = TRAIN, held: int = HELD) -> np.ndarray:
    """Rows of the training split that no network here learns from: the last of a permutation by SEED."""
    return np.sort(np.random.default_rng(SEED).permutation(n)[-held:])


@dataclass(frozen=True, eq=False)
class Images:
    """Images to learn from, on the device.

    Attributes:
        padded: uint8 (N, 3, 40, 40), four black pixels around each image.
        y: int64 (N,).
    """

    padded: Tensor
    y: Tensor

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The images of these rows, each cropped at random and mirrored or not: float32 in [0, 1], labels."""
        n, device = len(rows), rows.device
        top, left = torch.randint(0, 9, (2, n, 1), device=device)
        span = torch.arange(32, device=device)
        mirrored = torch.rand(n, 1, device=device) < 0.5
        across = left + torch.where(mirrored, 31 - span, span)
        down = top + span
        where = (rows.view(n, 1, 1), slice(None), down.view(n, 32, 1), across.view(n, 1, 32))
        x = self.padded[where].permute(0, 3, 1, 2)  # the indexed axes come first
        return (x.float() / 255).contiguous(memory_format=torch.channels_last), self.y[rows]


def learned(pixels: np.ndarray, y: np.ndarray, device: torch.device) -> Images:
    """Images to learn from out of pixels (N, 3, 32, 32)."""
    padded = F.pad(torch.from_numpy(pixels), (4, 4, 4, 4))
    return Images(padded.to(device), torch.from_numpy(y).to(device))


def floats(pixels: np.ndarray, device: torch.device) -> Tensor:
    """Pixels as float32 in [0, 1] on the device, channels last."""
    x = torch.from_numpy(pixels).to(device).float() / 255
    return x.contiguous(memory_format=torch.channels_last)
