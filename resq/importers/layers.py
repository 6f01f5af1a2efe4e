"""A Normalize layer that was saved inside a model: its mean and deviation, and the names of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resq.data.normal import CHANNELS, Normal
from resq.importers.formats.tensors import RefusedError
from resq.importers.names import COUNTER

PAIRS = {"mean": "std", "mu": "sigma", "means": "stds", "new_mean": "new_std", "_mean": "_std",
         "pixel_mean": "pixel_std", "image_mean": "image_std", "img_mean": "img_std",
         "mean_": "std_"}  # fmt: skip
FLOATS = ("f4", "f8", "f2", "bf16")


@dataclass(frozen=True)
class Layer:
    """What a file says of normalisation.

    Attributes:
        normal: for pixels in [0, 1].
        names: the tensors it is read from.
        scaled: whether they were of pixels up to 255.
    """

    normal: Normal
    names: tuple[str, ...]
    scaled: bool = False

    def sentences(self) -> list[str]:
        """In words for a card."""
        scale = ", of pixels up to 255" if self.scaled else ""
        return [f"its own Normalize layer ({', '.join(self.names[:2])}{scale}) is used: {self.normal}"]


def saved(tensors: Mapping[str, Any], file: Path) -> Layer | None:
    """The Normalize layer among a file's tensors, if there is one.

    Raises:
        RefusedError: several that differ, or numbers that normalise nothing.
    """
    normalizers: list[Layer] = []
    for name in tensors:
        stem, dot, leaf = name.rpartition(".")
        std = f"{stem}{dot}{PAIRS.get(leaf, '')}"
        if leaf in PAIRS and std in tensors and all(_fits(tensors[n]) for n in (name, std)):
            normalizers.append(_layer(name, std, tensors, file))
    if not normalizers:
        return None
    if any(other.normal != normalizers[0].normal for other in normalizers):
        raise RefusedError(
            f"holds {len(normalizers)} Normalize layers that differ: "
            + ", ".join(layer.names[0][:60] for layer in normalizers[:4])
        )
    return Layer(
        normalizers[0].normal, tuple(n for layer in normalizers for n in layer.names), normalizers[0].scaled
    )


def _fits(tensor: Any) -> bool:
    """Whether it has one number, or one per channel and no other axis."""
    sizes = [n for n in tensor.shape if n != 1]
    return tensor.kind in FLOATS and sizes in ([], [CHANNELS]) and len(tensor.shape) <= 4


def _layer(mean: str, std: str, tensors: Mapping[str, Any], file: Path) -> Layer:
    values = [np.broadcast_to(tensors[n].read(file).astype(float).reshape(-1), CHANNELS) for n in (mean, std)]
    scaled = bool(values[0].max() > 1 and values[1].max() > 2)
    (m0, m1, m2), (s0, s1, s2) = ((v / 255 if scaled else v).round(7).tolist() for v in values)
    try:
        return Layer(Normal((m0, m1, m2), (s0, s1, s2)).checked(), (mean, std), scaled)
    except ValueError as error:
        raise RefusedError(f"holds a Normalize layer, {mean[:60]!r} and {std[:60]!r}, but {error}") from None


def without(tensors: Mapping[str, Any], layer: Layer | None) -> dict[str, Any]:
    """The tensors of the network alone."""
    if layer is None:
        return dict(tensors)
    return {n: t for n, t in tensors.items() if n not in layer.names or n.endswith(COUNTER)}
