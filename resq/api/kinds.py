"""The kinds of models there are, and what is said of one kind and not of the others."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from resq.core import BitFlips
from resq.core.errors import ResqError
from resq.deployed import network as deployed

Model = str | nn.Module | deployed.Network
# A deployed file's network within ``flip_bits`` -> the bits that flip in it; its file is without them.
FLIPPED: WeakKeyDictionary[deployed.Network, BitFlips] = WeakKeyDictionary()
OF = {
    "a deployed file": ("targets", "inputs"),
    "a module": ("mean", "std", "weights"),
    "a checkpoint": (),
}
INSTEAD = {
    "a deployed file": "inputs says what its pixels become, targets and layers whose bits flip",
    "a module": "mean and std say what it expects of its images, weights which of its parameters are stored",
    "a checkpoint": "its card says what it expects of its images and what it stores",
}


def refuse_others(model: Model, **arguments: Any) -> None:
    """Refuses what is said of a model that is of models of another kind: it would change nothing.

    Args:
        arguments: of a function of this package by their names, each empty where nothing was said.

    Raises:
        ResqError: one of them; or no model at all, or PyTorch is set to compute in another type.
    """
    if not isinstance(model, str | nn.Module | deployed.Network):
        raise ResqError(f"a model is a name, a file or an nn.Module, got {type(model).__name__}")
    if torch.get_default_dtype() != torch.float32:
        raise ResqError(
            f"networks are computed in float32, got {torch.get_default_dtype()} as PyTorch's default; "
            "torch.set_default_dtype(torch.float32) sets it back"
        )
    kind = "a module" if isinstance(model, nn.Module) else "a checkpoint"
    if isinstance(model, deployed.Network) or (isinstance(model, str) and deployed.is_file(model)):
        kind = "a deployed file"
    there = [name for name, value in arguments.items() if not isinstance(value, Sized) or len(value)]
    other = [name for name in there if name not in OF[kind]]
    if other:
        owner = next(k for k, names in OF.items() if other[0] in names)
        value = str(arguments[other[0]])
        raise ResqError(f"{other[0]} is said of {owner}, got {value:.80} of {kind}; {INSTEAD[kind]}")


def refuse_flipped(model: deployed.Network) -> None:
    """Refuses a deployed file's network within ``flip_bits``, whose file would be opened without flips.

    Raises:
        ResqError: it is such a one.
    """
    if model in FLIPPED:
        raise ResqError(
            f"bits of {model.file.name} are flipped in its runtime alone, so that its file would be measured "
            "without them; logits(x) answers with them, and resq.sweep of the file flips bits of its own"
        )
