"""Activations on their way through a network: their ranges, 8-bit codes, limits. Weights are not touched.

A ``Changed`` network computes as the one inside it does, but for the activations at chosen places; the one
inside is left as it was, so that a bench may flip its weights meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Change = Callable[[Tensor], Tensor]
Ranges = Mapping[str, tuple[float, float]]
LEVELS = 255  # steps of an 8-bit code
# A bench folds norms into convolutions and leaves an identity where they were.
NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.Identity)


def read(body: nn.Module) -> tuple[str, ...]:
    """The convolutions and linear layers that read activations: all but the first, which reads pixels."""
    return tuple(n for n, module in body.named_modules() if isinstance(module, nn.Conv2d | nn.Linear))[1:]


def normed(body: nn.Module) -> tuple[str, ...]:
    """The normalisation layers, folded ones too."""
    return tuple(name for name, module in body.named_modules() if isinstance(module, NORMS))


class Changed(nn.Module):
    """A network some of whose activations are changed on the way, at the input or the output of layers."""

    def __init__(self, network: nn.Module, changes: Mapping[str, Change], *, inputs: bool) -> None:
        super().__init__()
        self.network, self.changes, self.inputs = network, dict(changes), inputs
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] -> logits (N, classes)."""
        with _hooked(self.network.body, self.changes, self.inputs):  # type: ignore[arg-type]
            return self.network(x)


@contextmanager
def _hooked(body: nn.Module, changes: Mapping[str, Change], inputs: bool) -> Iterator[None]:
    def before(change: Change) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor]]:
        return lambda module, inputs: (change(inputs[0]),)

    def after(change: Change) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        return lambda module, inputs, result: change(result)

    handles = []
    for name, change in changes.items():
        layer = body.get_submodule(name)
        if inputs:
            handles.append(layer.register_forward_pre_hook(before(change)))
        else:
            handles.append(layer.register_forward_hook(after(change)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def ranges(
    network: nn.Module, x: Tensor, *, inputs: bool, batch: int = 250
) -> dict[str, tuple[float, float]]:
    """The least and the largest activation at each place over calibration images, 0 always among them.

    Args:
        network: with a ``body``, as ``networks.build`` makes it.
        x: training images (N, 3, H, W) in [0, 1]; never test images.
        inputs: of what convolutions and linear layers read; else of what normalisation layers give.
    """
    names = read(network.body) if inputs else normed(network.body)  # type: ignore[arg-type]
    seen: dict[str, tuple[float, float]] = dict.fromkeys(names, (0.0, 0.0))

    def look(name: str) -> Change:
        def change(a: Tensor) -> Tensor:
            low, high = seen[name]
            seen[name] = min(low, a.min().item()), max(high, a.max().item())
            return a

        return change

    watched = Changed(network, {name: look(name) for name in names}, inputs=inputs)
    with torch.inference_mode():
        for part in x.split(batch):
            watched(part)
    return seen


def int8(network: nn.Module, spans: Ranges) -> Changed:
    """The network with every activation that a layer reads rounded to one of 256 levels of its range.

    The gradient is straight-through: that of the clamp to the range, as if nothing had been rounded.

    Args:
        spans: ``ranges(network, x, inputs=True)``.
    """
    return Changed(network, {name: _rounding(*span) for name, span in spans.items()}, inputs=True)


def scale_and_zero(low: float, high: float) -> tuple[float, int]:
    """Step and zero point of 8-bit codes over low..high, in which 0 is exact.

    >>> scale_and_zero(-255.0, 255.0)
    (2.0, 128)
    """
    scale = (high - low) / LEVELS or 1.0
    return scale, round(-low / scale)


def codes(a: Tensor, low: float, high: float) -> Tensor:
    """The 8-bit codes of activations, uint8; what is no number has the code of 0."""
    scale, zero = scale_and_zero(low, high)
    return (a.nan_to_num(0.0) / scale + zero).round().clamp(0, LEVELS).to(torch.uint8)


def values(code: Tensor, low: float, high: float) -> Tensor:
    """What 8-bit codes are read as, float32."""
    scale, zero = scale_and_zero(low, high)
    return (code.float() - zero) * scale


def straight_through(a: Tensor, low: float, high: float, read: Tensor) -> Tensor:
    """``read`` with the gradient of ``a`` clamped to the range.

    ``a`` and ``read`` are float32 of the same shape.
    """
    inside = a.clamp(low, high)
    return inside + (read - inside).detach()


def _rounding(low: float, high: float) -> Change:
    return lambda a: straight_through(a, low, high, values(codes(a, low, high), low, high))
