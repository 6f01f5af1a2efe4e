"""Activations cut to the range that clean images show: a flipped weight can then push them only so far.

Source: Chen et al. 2021 ("Ranger"), arXiv:2003.13874; the bounds are the largest magnitudes on calibration
images. The places are blocks and activation functions, whose outputs a folded batch norm does not move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from resq.core.errors import ResqError

Hook = Callable[[nn.Module, tuple[Any, ...], Any], Any]
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish)


def places(body: nn.Module) -> list[str]:
    """Names of the modules whose outputs are bounded: blocks, and activation functions of their own."""
    return [name for name, module in body.named_modules() if name and _bounded(module)]


def _bounded(module: nn.Module) -> bool:
    block = any(True for _ in module.children()) and not isinstance(module, nn.Sequential)
    return block or isinstance(module, ACTIVATIONS)


def bounds(body: nn.Module, network: nn.Module, x: Tensor) -> dict[str, float]:
    """The largest magnitude at each place of ``body`` while ``network`` looks at ``x``.

    ``x`` is (N, 3, H, W) float32 in [0, 1].
    """
    largest: dict[str, float] = {}
    handles = [body.get_submodule(name).register_forward_hook(_note(largest, name)) for name in places(body)]
    with torch.no_grad():
        network(x)
    for handle in handles:
        handle.remove()
    return largest


def _note(largest: dict[str, float], name: str) -> Hook:
    def note(_: nn.Module, inputs: tuple[Any, ...], out: Any) -> None:
        if isinstance(out, Tensor):
            largest[name] = max(largest.get(name, 0.0), float(out.abs().max()))

    return note


def install(body: nn.Module, most: Mapping[str, float]) -> None:
    """From now on the outputs of these modules are cut to +- their bound.

    Raises:
        ValueError: a bound for a module that the network does not have.
    """
    known = dict(body.named_modules())
    for name, bound in most.items():
        if name not in known:
            raise ResqError(f"the card bounds the activations of {name}, which the network does not have")
        known[name].register_forward_hook(_cut(float(bound)))


def _cut(bound: float) -> Hook:
    return lambda module, inputs, out: out.clamp(-bound, bound)
