"""Averages of weights along a run, with BatchNorm statistics re-estimated for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from resq import checkpoints
from resq.core import seeds
from resq.training import augment
from resq.training.recipe import Recipe

if TYPE_CHECKING:
    from resq.training.train import Run


def add(run: Run, decay: float = 0.0) -> None:
    """Takes the weights of this step into their running mean.

    Args:
        decay: how much of the mean stays, once it is of 1 / (1 - decay) steps; 0: all steps count alike.
            An average that decayed from its first step on would keep that step's weights for long.
    """
    run.averaged += 1
    share = max(1 / run.averaged, 1 - decay if decay else 0.0)
    with torch.no_grad():
        for name, value in run.network.named_parameters():
            if name not in run.average:
                run.average[name] = value.detach().clone()
            else:
                run.average[name].lerp_(value, share)


def mean(run: Run, recipe: Recipe) -> dict[str, Tensor]:
    """The mean that the recipe asks for: of the last steps' weights, of the start's, or of both.

    Tensors have the shapes and types of the state of the network.
    """
    ends = run.average or {name: value.detach() for name, value in run.network.named_parameters()}
    if not recipe.start_share:
        return ends
    begun = checkpoints.load(recipe.start).state
    first = {name: torch.tensor(begun[name.removeprefix("body.")]).to(value) for name, value in ends.items()}
    return {name: value.lerp(first[name], recipe.start_share) for name, value in ends.items()}


def soup(states: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Tensor]:
    """The mean of several states of one network, equal parts; whole numbers are the first one's.

    Arrays have the shapes and types of the state of the network.
    """
    first = {name: torch.tensor(value) for name, value in states[0].items()}
    for k, state in enumerate(states[1:], 2):
        for name, value in first.items():
            if value.is_floating_point():
                value.lerp_(torch.from_numpy(state[name]).to(value), 1 / k)
    return first


def apply_average(run: Run, weights: dict[str, Tensor], recipe: Recipe, padded: Tensor) -> None:
    """Loads ``weights`` and re-estimates BatchNorm statistics, as torch.optim.swa_utils.update_bn does.

    The statistics come from up to 50 batches of training images, whole and unshifted as at test time.
    """
    run.network.load_state_dict(weights, strict=False)
    order = seeds.rng(recipe.seed, "settle").permutation(len(padded))
    inside = slice(recipe.pad, padded.shape[-1] - recipe.pad)
    chosen = augment.parts(order, recipe.batch)[:50]
    update_batchnorm(
        run.network, (padded[torch.from_numpy(i).to(padded.device)][:, :, inside, inside] for i in chosen)
    )


def update_batchnorm(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Batch norms take their statistics anew, as plain means over ``batches`` of uint8 (N, 3, H, W)."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    network.train()
    with torch.no_grad():
        for x in batches if norms else ():
            network(x.contiguous(memory_format=torch.channels_last).float().div_(255))
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
