"""The last features of any network: what its last linear layer reads, which its logits are made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq.measure.engine.predictions import BATCH

CLOSE = 1e-4  # of the largest logit: rounding of another order of sums


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network computes of N images.

    Attributes:
        features: what its head reads, float32 (N, features).
        logits: float32 (N, classes).
    """

    features: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True, eq=False)
class Head:
    """The linear layer whose output is the logits.

    Attributes:
        name: of the layer within the network; "" where no linear layer gives the logits, which then stand for
            the features themselves.
        layer: the module; None as above.
    """

    name: str
    layer: nn.Linear | None

    def see(self, network: nn.Module, x: Tensor) -> Seen:
        """Features and logits of images (N, 3, H, W) in [0, 1], in batches."""
        parts = []
        with torch.inference_mode():
            for part in x.split(BATCH):
                inputs, _, logits = heard(network, part, [] if self.layer is None else [self.layer])
                read = logits if self.layer is None else inputs[-1]
                parts.append((read.float().cpu().numpy(), logits.float().cpu().numpy()))
        features, logits_ = (np.concatenate(both) for both in zip(*parts, strict=True))
        return Seen(features, logits_)

    def along(self, points: np.ndarray) -> np.ndarray:
        """The logits (N, classes) of features (N, features), with the head's weights as they are now."""
        if self.layer is None:
            return points.astype(np.float64)
        weight = self.layer.weight.detach().double().cpu().numpy()
        bias = 0.0 if self.layer.bias is None else self.layer.bias.detach().double().cpu().numpy()
        with np.errstate(all="ignore"):  # flipped weights may be no numbers
            logits: np.ndarray = points.astype(np.float64) @ weight.T + bias
        return logits


def head(network: nn.Module, x: Tensor) -> Head:
    """The last linear layer that is called, if its output is the logits: seen in a pass over images x.

    It is found by listening, not by name, so it is the same for any module. A layer counts only where
    ``weight @ input + bias`` is what the network answers.
    """
    layers = {name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    if layers:
        with torch.inference_mode():
            inputs, outputs, logits = heard(network, x, list(layers.values()))
            names = [name for name, module in layers.items() if outputs and module is outputs[-1][0]]
            if names and _gives(layers[names[0]], inputs[-1], logits):
                return Head(names[0], layers[names[0]])
    return Head("", None)


def heard(
    network: nn.Module, x: Tensor, layers: list[nn.Linear]
) -> tuple[list[Tensor], list[tuple[nn.Module, Tensor]], Tensor]:
    """What these layers read and gave in one pass, in the order of their calls, and the logits."""
    inputs, outputs = list[Tensor](), list[tuple[nn.Module, Tensor]]()

    def listen() -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            inputs.append(given[0])
            outputs.append((module, output))

        return hook

    with ExitStack() as stack:
        for layer in layers:
            stack.callback(layer.register_forward_hook(listen()).remove)
        logits = network(x)
    return inputs, outputs, logits


def _gives(layer: nn.Linear, given: Tensor, logits: Tensor) -> bool:
    """Whether the layer's own weights turn what it read into the logits."""
    if given.ndim != 2 or logits.ndim != 2 or layer.out_features != logits.shape[1]:
        return False
    again = F.linear(given.float(), layer.weight.float(), None if layer.bias is None else layer.bias.float())
    return bool(torch.allclose(again, logits.float(), rtol=0, atol=CLOSE * float(logits.abs().max())))
