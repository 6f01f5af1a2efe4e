"""Batch norms trained with another eps than the network has here: the same function, other statistics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import nn

from resq.core.errors import ResqError


def norms(body: nn.Module) -> dict[str, float]:
    """The network's batch norms by name, each with its eps."""
    return {name: m.eps for name, m in body.named_modules() if isinstance(m, nn.BatchNorm2d)}


def moved(state: Mapping[str, np.ndarray], body: nn.Module, eps: float) -> dict[str, np.ndarray]:
    """A state whose batch norms compute with the network's eps what ``state`` does with ``eps``.

    Arrays float32, (channels,) those of batch norms.

    gamma / sqrt(var + eps) stays: the variance takes the difference up, and where it would fall below 0
    gamma takes the rest.

    Raises:
        ValueError: eps lies outside 0..0.1, which no batch norm uses.
    """
    if not 0 <= eps <= 0.1:
        raise ResqError(f"--eps is a batch norm's, from 0 to 0.1 (usually 1e-5 or 1e-3), got {eps:g}")
    adapted = dict(state)
    for name, own in norms(body).items():
        exact = state[f"{name}.running_var"].astype(np.float64) + eps
        variance = np.maximum(exact - own, 0)
        rest = np.sqrt((variance + own) / np.maximum(exact, 1e-30))
        adapted[f"{name}.running_var"] = variance.astype(np.float32)
        adapted[f"{name}.weight"] = (state[f"{name}.weight"] * rest).astype(np.float32)
    return adapted


def check(body: nn.Module, folded: bool, from_file: bool) -> None:
    """Nothing, where a given eps has something to act on.

    Raises:
        ValueError: the network or the file has no batch norms, or the format keeps each norm's own.
    """
    why = (
        "the network has no batch norms" if not norms(body)
        else "the file's batch norms are folded into its convolutions" if folded
        else "an ONNX file names each norm's own epsilon" if from_file
        else ""
    )  # fmt: skip
    if why:
        raise ResqError(f"--eps changes nothing here: {why}; leave it out")


def sentence(body: nn.Module, eps: float | None, from_file: bool) -> str:
    """A sentence for the card; empty where there is no batch norm or the file itself says its eps.

    Args:
        eps: the one that was given; None: the network's own is assumed.
        from_file: whether the format keeps each norm's eps.
    """
    own = norms(body)
    if not own or (from_file and eps is None):
        return ""
    if eps is not None:
        return f"batch norms computed with eps {eps:g}, as --eps says"
    return f"batch norms: eps {next(iter(own.values())):g} assumed, which the file does not say (else --eps)"
