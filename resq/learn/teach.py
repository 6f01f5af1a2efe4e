"""Distillation: a network learns from the answers of others beside the labels.

Source: Hinton, Vinyals and Dean 2015, arXiv:1503.02531, at temperature 1, with the mean of the teachers'
probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq import checkpoints, data, networks
from resq.learn.recipe import Recipe


def load(recipe: Recipe, where: torch.device) -> list[nn.Module]:
    """The recipe's teachers, ready to answer.

    Raises:
        ValueError: one is not here, or knows other classes.
    """
    source, found = data.source(recipe.data), []
    for name in recipe.teachers:
        known = checkpoints.load(name)
        if known.data != recipe.data:
            raise ValueError(
                f"{recipe.name} cannot learn from {name}, which knows the classes of {known.data}"
            )
        network = networks.restore(
            known.network, known.state, mean=source.mean, std=source.std, classes=len(source.classes)
        )
        found.append(network.to(where, memory_format=torch.channels_last))  # type: ignore[call-overload]
    return found


def answers(teachers: list[nn.Module], x: Tensor) -> Tensor:
    """The teachers' mean probabilities (N, classes) of images (N, 3, H, W) in [0, 1]."""
    with torch.inference_mode():
        return torch.stack([teacher(x).float().softmax(1) for teacher in teachers]).mean(0)


class Taught:
    """The objective: ``taught`` of the cross-entropy against the teachers, the rest against the labels."""

    def __init__(self, recipe: Recipe, teachers: list[nn.Module]) -> None:
        self.recipe, self.teachers = recipe, teachers

    def __call__(
        self, network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Loss and logits of images and labels."""
        share, wanted = self.recipe.taught, answers(self.teachers, x).clone()
        logits = network(x).float()
        own = F.cross_entropy(logits, y, label_smoothing=self.recipe.smooth)
        return (1 - share) * own + share * F.cross_entropy(logits, wanted), logits


def about(recipe: Recipe) -> dict[str, Any]:
    """What a card says of the teachers: their names, hashes and accuracies; nothing where there are none."""
    cards = [checkpoints.card(name) for name in recipe.teachers]
    told = [{key: card.get(key) for key in ("name", "sha256", "test")} for card in cards]
    return {"teachers": told} if told else {}
