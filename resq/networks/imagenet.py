"""Weights trained on ImageNet, by torchvision's own API, as far as they fit the networks for 32x32 images.

A tensor of another shape than here keeps its random start: the first convolution of ResNet18 (7x7 there) and
the patches of Swin-T (4x4 there), and every classifier. Swin-T's tables of relative positions are cut to
those that its smaller windows have. Add a network: a line in WEIGHTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn

from resq.core import lookup
from resq.core.errors import ResqError
from resq.platform.torchvision_compat import torchvision

WEIGHTS = {
    "resnet18": "ResNet18_Weights.IMAGENET1K_V1",
    "vgg16": "VGG16_BN_Weights.IMAGENET1K_V1",
    "efficientnet_b0": "EfficientNet_B0_Weights.IMAGENET1K_V1",
    "swin_t": "Swin_T_Weights.IMAGENET1K_V1",
}
TABLE = "relative_position_bias_table"  # (offsets, heads), offsets of a square of (2 window - 1) a side


def source(network: str) -> Any:
    """Torchvision's entry for a network's ImageNet weights: its name, address and what it was trained on.

    Raises:
        ValueError: torchvision has none.
    """
    return torchvision().models.get_weight(lookup("ImageNet weights of network", network, WEIGHTS))


def state(network: str, body: nn.Module) -> tuple[dict[str, Tensor], list[str]]:
    """The state of ``body`` with ImageNet's weights where they fit, and the tensors that keep their start.

    Tensors have the shapes and types of the state of ``body``.

    The file comes from torch's own cache of downloads, or is fetched into it.

    Raises:
        ValueError: none for this network, or it is not here and cannot be fetched.
    """
    there, own = _fetched(network), body.state_dict()
    taken = {name: _fitting(name, there, value) for name, value in own.items()}
    fresh = [name for name, value in taken.items() if value is None and not name.endswith("position_index")]
    return {name: own[name] if value is None else value for name, value in taken.items()}, fresh


def about(network: str, body: nn.Module) -> dict[str, Any]:
    """What a card says of this start: the weights' name and address, and which tensors began at random."""
    entry = source(network)
    return {"name": str(entry), "url": entry.url, "random": state(network, body)[1]}


def _fetched(network: str) -> Mapping[str, Tensor]:
    entry = source(network)
    try:
        tensors: Mapping[str, Tensor] = entry.get_state_dict(
            progress=True, check_hash=True, weights_only=True
        )
    except (URLError, OSError) as error:
        raise ResqError(
            f"the ImageNet weights of {network} cannot be fetched ({error}); put {entry.url} into "
            f"{torch.hub.get_dir()}/checkpoints, or leave out the start"
        ) from None
    return tensors


def _fitting(name: str, there: Mapping[str, Tensor], own: Tensor) -> Tensor | None:
    value = there.get(name)
    if value is not None and name.endswith(TABLE) and value.shape != own.shape:
        value = _middle(value, own)
    return value if value is not None and value.shape == own.shape else None


def _middle(table: Tensor, own: Tensor) -> Tensor:
    """Of a table for windows of 7, the offsets that windows of 4 have: the middle of the square."""
    wide, side = (round(len(t) ** 0.5) for t in (table, own))
    if wide < side:
        return table
    inside = slice((wide - side) // 2, (wide + side) // 2)
    return table.view(wide, wide, -1)[inside, inside].reshape(own.shape)
