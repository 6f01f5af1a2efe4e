"""Knowledge distillation: the targets are mixed with the mean probabilities of teacher networks.

Source: Hinton, Vinyals and Dean 2015, arXiv:1503.02531, with the mean of the teachers' probabilities.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from resq import checkpoints
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.measure.engine.faulty_network import network_of
from resq.training.recipe import Recipe


def load(recipe: Recipe, where: torch.device) -> list[nn.Module]:
    """The recipe's teachers, ready to answer.

    Raises:
        ValueError: one is not here, or knows other classes.
    """
    teachers = []
    for name in recipe.teachers:
        known = checkpoints.load(name)
        if known.data != recipe.data:
            raise ResqError(
                f"{recipe.name} cannot learn from {name}, which knows the classes of {known.data}"
            )
        network = network_of(known, known.quantized(Encoding.parse("fp32")))
        teachers.append(network.to(where, memory_format=torch.channels_last))  # type: ignore[call-overload]
    return teachers


def teacher_probabilities(teachers: list[nn.Module], x: Tensor, temperature: float = 1.0) -> Tensor:
    """The teachers' mean probabilities (N, classes) of images (N, 3, H, W) in [0, 1].

    Args:
        temperature: their logits are divided by it.
    """
    with torch.no_grad():
        return torch.stack([(teacher(x).float() / temperature).softmax(1) for teacher in teachers]).mean(0)


def about(recipe: Recipe) -> dict[str, Any]:
    """What a card says of the teachers: their names, hashes and accuracies; nothing where there are none."""
    cards = [checkpoints.card(name) for name in recipe.teachers]
    teachers = [{key: card.get(key) for key in ("name", "sha256", "test")} for card in cards]
    return {"teachers": teachers} if teachers else {}
