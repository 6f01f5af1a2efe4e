"""What is measured, by a name that specs and rows can carry: a checkpoint, a deployed file, any module."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from resq import checkpoints
from resq.api import arguments, given, kinds
from resq.api.kinds import Model
from resq.checkpoints import Checkpoint
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.deployed.pixels import Asked
from resq.measure.engine.faulty_network import network_of
from resq.networks import Network, identity

# Loaded network -> the checkpoint's name and what the network was then: changed since, it is another one.
_LOADED: WeakKeyDictionary[nn.Module, tuple[str, str]] = WeakKeyDictionary()


@torch.inference_mode(mode=False)
def load(
    model: Model,
    *,
    mean: Any = (),
    std: Any = (),
    targets: str = "",
    inputs: str = "",
) -> Any:
    """A network ready to be called and measured.

    Args:
        model: the name of a checkpoint such as ``signs/resnet20/base``, or its ``.safetensors`` file; a
            deployed file (``.onnx``, ``.tflite``); or any ``nn.Module``, which is returned as it is where
            ``mean`` and ``std`` are left out.
        mean: of a module that expects normalised images: three numbers, a list or an array; what is returned
            is a copy of it that takes [0, 1], on the processor, in float32 and evaluation mode.
        std: what it expects images to be divided by then: three positive numbers.
        targets: of a deployed file: whose bits flip, such as weights (default), biases or all.
        inputs: of a deployed file: what it does not say of its input, such as ``"range 0..255"``.

    Returns:
        An ``nn.Module`` that gives logits (N, classes) for images (N, 3, H, W), float32 in [0, 1]; of a file
        a network whose ``logits(x)`` takes arrays and asks its own runtime.

    Raises:
        ValueError: no such checkpoint or file, one that cannot be read, or something said that is not of such
            a model; the sentence says why.

    Examples:
        >>> load("signs/resnet20/base")(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 16])
    """
    mean, std = arguments.channels("mean", mean), arguments.channels("std", std)
    kinds.refuse_others(model, mean=mean, std=std, targets=targets, inputs=inputs)
    if isinstance(model, deployed.Network):
        if not (targets or inputs):
            return model
        kinds.refuse_flipped(model)
        asked = Asked.parse(inputs) if inputs else model.asked
        return deployed.Network(model.file, targets or model.targets, asked)
    if isinstance(model, nn.Module):
        return _normalised(model, mean, std)
    if deployed.is_file(model):
        return deployed.Network(model, targets or "weights", Asked.parse(inputs))
    checkpoint = checkpoints.load(model)
    network = network_of(checkpoint, checkpoint.quantized(Encoding.parse("fp32")))
    _LOADED[network] = model, identity.digest(network)
    return network


def _normalised(module: nn.Module, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    if not (mean or std):
        return module
    if not (mean and std) or min(std) <= 0:
        raise ResqError(f"mean and std are three numbers each, std positive, got {mean} and {std}")
    return given.Given(given.private(module), mean, std).eval()


def name_of(model: Model, x: np.ndarray | None = None, weights: Sequence[str] = ()) -> str:
    """The name by which specs and rows know a model; one without a file is held by this process.

    Args:
        x: some of the images (N, C, H, W) that it will see, to find out what it answers.
        weights: which parameters are stored as words, see ``given.weight_names``.

    Raises:
        ValueError: it cannot be measured; the sentence says why.
    """
    kinds.refuse_others(model, weights=weights)
    if isinstance(model, deployed.Network):
        kinds.refuse_flipped(model)
        return str(model.file)
    if isinstance(model, str):
        if not deployed.is_file(model):
            checkpoints.card(model)
        return model
    if not (weights or is_own(model)):
        return _LOADED[model][0]
    return checkpoints.hold(held(model, x, weights))


def is_own(model: Model) -> bool:
    """Whether a model is a module that is no checkpoint, or none any more: it was changed since."""
    if not isinstance(model, nn.Module):
        return False
    return model not in _LOADED or _LOADED[model][1] != identity.digest(model)


def held(model: nn.Module, x: np.ndarray | None = None, weights: Sequence[str] = ()) -> Checkpoint:
    """A module as a checkpoint without a file; the module itself is copied and never written.

    Args:
        model: any module of images in [0, 1].
        x: of its images, (N, C, H, W), two are enough; without them what it answers is not known.
        weights: which parameters are stored as words, see ``given.weight_names``.
    """
    own = given.private(model)
    network = own if isinstance(own, Network) else given.Given(own)
    names = given.weight_names(network.body, weights)
    classes = 0
    if x is not None:
        seen = torch.from_numpy(np.array(x[:2], np.float32)).div_(255 if x.dtype == np.uint8 else 1)
        classes = given.classes_of(network, seen)
    kind, digest = type(network.body).__name__, identity.digest(network, names)
    card = {"network": kind, "data": "", "sha256": digest, "weights": list(names), "classes": classes}
    name = f"{kind}@{digest[:8]}"
    numbers = given.state(network.body)
    return Checkpoint(name, kind, "", numbers, names, card, digest[:16], make=partial(given.remade, network))
