"""Networks: images in [0, 1] -> logits. Add one: a function ``classes -> nn.Module``, a line in NETWORKS."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resq.core import lookup, registries
from resq.core.errors import ResqError
from resq.networks.efficientnet_b0 import efficientnet_b0
from resq.networks.resnet18 import resnet18, resnet18_gn
from resq.networks.resnet18_nopool import resnet18_nopool
from resq.networks.resnet20 import resnet20
from resq.networks.shapes import shapes_only
from resq.networks.small_conv import quicken
from resq.networks.swin_t import swin_t
from resq.networks.vgg16 import vgg16

NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "resnet20": resnet20,
    "resnet18": resnet18,
    "resnet18_gn": resnet18_gn,
    "resnet18_nopool": resnet18_nopool,
    "vgg16": vgg16,
    "efficientnet_b0": efficientnet_b0,
    "swin_t": swin_t,
}
registries.note("network", NETWORKS)


class Network(nn.Module):
    """A body and the normalisation before it, so that everything outside speaks of pixels in [0, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] -> logits (N, classes)."""
        return self.body((x - self.mean) / self.std)


def build(
    name: str, classes: int, *, mean: tuple[float, ...], std: tuple[float, ...], seed: int = 0
) -> Network:
    """A freshly initialised network, its random start decided by ``seed`` alone.

    Raises:
        ValueError: no network of that name.
    """
    make = lookup("network", name, NETWORKS)
    with torch.random.fork_rng(devices=[]):  # torch's initialisers know only the global generator
        torch.manual_seed(seed)
        return Network(quicken(make(classes)), mean, std)


def logits(network: nn.Module, x: Tensor, batch: int = 250) -> Tensor:
    """Logits (N, classes) of images (N, 3, H, W) in [0, 1], in evaluation mode, without gradients."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(part) for part in x.split(batch)])


def replaced(network: Network, changed: Mapping[str, Tensor]) -> Network:
    """A view of ``network`` with some parameters replaced and all others shared; safe between threads.

    Tensors have the shape and type of the parameters of that name.

    ``torch.func.functional_call`` does the same by putting the tensors into the given modules for the time of
    the call, so that two threads which call at once compute with each other's tensors.

    Args:
        changed: by name as in ``network.named_parameters()``.
    """
    modules = list(network.modules())
    if len(modules) < sum(1 for _ in network.named_modules(remove_duplicate=False)):
        own = _whole_copy(network)  # a module that stands in two places changes in both
    else:
        own = _along({name.rpartition(".")[0] for name in changed}, network)
    for name, value in changed.items():
        module, _, last = name.rpartition(".")
        own.get_submodule(module)._parameters[last] = value  # type: ignore[assignment]
    return own


def _whole_copy(network: Network) -> Network:
    """New modules, the same tensors."""
    shared: dict[int, Any] = {id(t): t for t in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, shared)


def _along(names: set[str], network: Network) -> Network:
    """The network with new modules on the way to these, and all others shared: nothing writes into them."""
    own = _shallow(network)
    fresh = {"": own}
    for name in sorted(names):
        parts = name.split(".")
        for depth, part in enumerate(parts, 1):
            here, above = ".".join(parts[:depth]), fresh[".".join(parts[: depth - 1])]
            if here not in fresh:
                fresh[here] = above._modules[part] = _shallow(above._modules[part])
    return own


def _shallow(module: Any) -> Any:
    """A module of its own with the same parameters, buffers and children."""
    own = module.__class__.__new__(module.__class__)
    own.__dict__ = {
        **module.__dict__,
        "_parameters": dict(module._parameters),
        "_modules": dict(module._modules),
    }
    return own


def weight_names(body: nn.Module) -> tuple[str, ...]:
    """Names of the tensors that are stored as words: weights of convolutions and linear layers, in order."""
    return tuple(
        f"{name}.weight" for name, module in body.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)
    )


def restore(
    name: str,
    state: Mapping[str, np.ndarray | Tensor],
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    classes: int,
) -> Network:
    """A network with these parameters and buffers, in evaluation mode, asking for no gradients.

    Args:
        state: arrays, which are copied, or tensors, which become the network's own.

    Raises:
        ValueError: a tensor that is missing, unknown or of another shape; the sentence names it.
    """
    make = lookup("network", name, NETWORKS)
    with shapes_only():  # a random start that is overwritten at once costs a second
        body = quicken(make(classes))
    expected = body.state_dict()
    for key in sorted(set(expected) | set(state)):
        if key not in state:
            raise ResqError(f"the weights lack {key}, which {name} has with shape {_shape(expected[key])}")
        if key not in expected:
            raise ResqError(f"the weights hold {key}, which {name} does not have")
        if tuple(state[key].shape) != tuple(expected[key].shape):
            raise ResqError(
                f"{key} has shape {_shape(state[key])}; "
                f"{name} for {classes} classes has {_shape(expected[key])}"
            )
    own = {key: value if isinstance(value, Tensor) else torch.tensor(value) for key, value in state.items()}
    body.load_state_dict(own, assign=True)
    return Network(body, mean, std).eval().requires_grad_(False)


def _shape(value: Tensor | np.ndarray) -> str:
    return "x".join(map(str, value.shape)) or "scalar"
