"""A network that somebody hands over as it is: any ``nn.Module``, its weights found by parameter."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resq.core.errors import ResqError
from resq.networks import Network, identity


class Given(Network):
    """A body of somebody's own, whose logits may be wrapped, and the normalisation before it, if any.

    Args:
        body: returns the logits, an object or a dict that has them by this name, or a tuple that begins with
            them.
        mean, std: three numbers each; none: the body takes pixels in [0, 1] as they are.
    """

    def __init__(self, body: nn.Module, mean: Sequence[float] = (), std: Sequence[float] = ()) -> None:
        super().__init__(body, tuple(mean) or (0.0,) * 3, tuple(std) or (1.0,) * 3)
        self.bare = not mean

    def raw(self, x: Tensor) -> Any:
        """What the body returns for images (N, C, H, W) in [0, 1]."""
        # A body may ask for a view, which what is channels last has not, or write into what it is given.
        x = x.clone(memory_format=torch.contiguous_format)
        return self.body(x if self.bare else (x - self.mean) / self.std)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> logits (N, classes)."""
        return _logits(self.raw(x))[1]


def weight_names(body: nn.Module, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the parameters that are stored as words: all by which a layer multiplies, in their order.

    Those are the parameters of two axes or more that are called a weight (``conv.weight``,
    ``attention.in_proj_weight``, ``lstm.weight_ih_l0``), whatever the class of the layer. Positions, tokens,
    scales and tables of biases are not among them: they lie beside the words, as biases and norms do.

    Args:
        chosen: names or patterns such as ``*.kernel`` that are taken instead.

    Raises:
        ValueError: a pattern that fits nothing, or there is no such parameter.

    >>> weight_names(nn.Sequential(nn.Conv1d(3, 4, 5), nn.BatchNorm1d(4), nn.Flatten(), nn.Linear(8, 2)))
    ('0.weight', '3.weight')
    """
    numbers = {name: p for name, p in body.named_parameters() if p.is_floating_point() and p.numel()}
    for pattern in chosen:
        if not any(fnmatchcase(name, pattern) for name in numbers):
            raise ResqError(f"no parameter fits {pattern!r}; known: {', '.join(numbers):.300}")
    if chosen:
        return tuple(name for name in numbers if any(fnmatchcase(name, pattern) for pattern in chosen))
    wide = [name for name, p in numbers.items() if sum(size > 1 for size in p.shape) > 1]
    weights = tuple(
        name for name in wide if "weight" in name.rpartition(".")[2] or "parametrizations.weight" in name
    )
    if not weights:
        raise ResqError(
            f"{type(body).__name__} has no weights by their names; weights=[...] names the parameters that "
            f"are stored as words: {', '.join(wide)[:300] or 'it has none of two axes'}"
        )
    return weights


def state(body: nn.Module) -> dict[str, np.ndarray]:
    """Parameters and buffers by name, each once, float32 (whole numbers as they are), not copied."""
    names = set(body.state_dict())
    buffers = {name: value for name, value in body.named_buffers() if name in names}
    return {name: value.detach().numpy() for name, value in (*body.named_parameters(), *buffers.items())}


def private(module: nn.Module) -> nn.Module:
    """A copy of a module on the processor, in float32 and evaluation mode, that asks for no gradients.

    Raises:
        ValueError: it cannot be copied, or a copy would still compute with the one given.
    """
    kind = type(module).__name__
    if isinstance(module, torch.jit.ScriptModule):
        raise ResqError(f"{kind} is TorchScript, which cannot be changed; give the nn.Module it was made of")
    if any(map(nn.parameter.is_lazy, (*module.parameters(), *module.buffers()))):
        raise ResqError(f"{kind} has parameters without a shape yet; call it once with images of yours")
    try:
        own = copy.deepcopy(module)
    except Exception as error:  # whatever a part of it raises that is no tensor
        raise ResqError(
            f"{kind} cannot be copied, so flips would strike the one that you hold: {error}"
        ) from None
    if where := identity.shared(own, module):
        raise ResqError(
            f"{where} of {kind} leads back to the very module that you gave, where no flip in a copy would "
            "reach; use the module that a hook is called with, or a method of the class"
        )
    own.cpu().float()
    own.eval()  # one of a person's own may return nothing
    return own.requires_grad_(False)


def classes_of(network: Network, x: Tensor) -> int:
    """How many classes the body knows, from one pass over images (N, C, H, W).

    Raises:
        ValueError: it does not take such images, or gives no logits (N, classes).
    """
    body = network.body
    try:
        with torch.no_grad():
            output = network.raw(x) if isinstance(network, Given) else network(x)
    except Exception as error:  # whatever a person's own forward raises
        raise ResqError(
            f"{type(body).__name__} does not take images of shape {tuple(x.shape)}: {error!s:.300}"
        ) from None
    kind, logits = _logits(output)
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(x):
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else kind
        raise ResqError(
            f"{type(body).__name__} gives {shape}; expected logits (N, classes) of {len(x)} images"
        )
    return int(logits.shape[1])


def _logits(output: Any) -> tuple[str, Any]:
    """How a body wraps its logits, and these; of what has none, what it is and the whole."""
    if isinstance(output, Tensor):
        return "tensor", output
    if isinstance(getattr(output, "logits", None), Tensor):
        return "logits", output.logits
    if isinstance(output, Mapping):
        named = f"a {type(output).__name__} with {', '.join(map(str, output)):.80}"
        return ("logits", output["logits"]) if "logits" in output else (named, output)
    if isinstance(output, list | tuple) and output:
        return f"a {type(output).__name__} that begins with {type(output[0]).__name__}", output[0]
    return type(output).__name__, output


def remade(network: Network, numbers: Mapping[str, np.ndarray]) -> Network:
    """A private copy of a network with these parameters and buffers of its body, float32 in their shapes."""
    own = copy.deepcopy(network)
    there = {**dict(own.body.named_parameters()), **dict(own.body.named_buffers())}
    for name, value in numbers.items():
        held = there[name]
        held.data = torch.empty_like(held.data).copy_(torch.from_numpy(np.array(value)))
    return own
