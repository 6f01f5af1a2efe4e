"""Weights as their stored words are read, inside a network that is learning: straight-through and faulty.

Quantizing and flipping have no useful gradient. The straight-through estimator (Bengio et al. 2013,
arXiv:1308.3432) computes with the words' values and gives their gradient to the float weights as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from resq.core import BitFlips, Encoding, QuantizedModel
from resq.memory import flipping, quant

Made = TypeVar("Made")


class _Through(torch.autograd.Function):
    """Forward: ``value``. Backward: the gradient goes to ``weight``, each element cut to ``limit``."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, value: Tensor, limit: float) -> Tensor:
        ctx.limit = limit
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *slope: Tensor) -> tuple[Tensor, None, None]:
        cut = slope[0] if ctx.limit == float("inf") else slope[0].clamp(-ctx.limit, ctx.limit)
        return cut, None, None


def straight_through(weight: Tensor, value: Tensor, limit: float = float("inf")) -> Tensor:
    """``value``, whose gradient reaches ``weight`` unchanged but for a cut of each element at +-``limit``.

    Float32 of the same shape.

    >>> w = torch.tensor([0.30, -0.70], requires_grad=True)
    >>> (straight_through(w, torch.tensor([0.25, -0.75])) * torch.tensor([2.0, 3.0])).sum().backward()
    >>> w.grad
    tensor([2., 3.])
    """
    return _Through.apply(weight, value, limit)


def quantize_weights(body: nn.Module, names: tuple[str, ...], encoding: Encoding) -> QuantizedModel:
    """The present weights of a network as words; nothing else of it is looked at."""
    own = dict(body.named_parameters())
    state = {name: own[name].detach().cpu().numpy() for name in names}
    kinds = {name: encoding.of(i) for i, name in enumerate(names)}
    words = dict(_each(lambda name, kind: (name, quant.quantize(state[name], kind)), kinds.items()))
    return quant.quantize_model(state, names, encoding, lambda name, _: words[name])


def read(body: nn.Module, model: QuantizedModel) -> dict[str, Tensor]:
    """What the words are read as, by name, in the memory order of the weights.

    Tensors are float32 in the shape of the weight of that name.
    """
    return _as_own(body, _each(lambda name, q: (name, quant.dequantize(q)), model.weights.items()))


def flipped(
    body: nn.Module, model: QuantizedModel, clean: dict[str, Tensor], flips: BitFlips
) -> dict[str, Tensor]:
    """What the words are read as with these bits flipped; layers without a flip are shared with ``clean``."""
    size = model.read.word_bits

    def after(name: str, local: np.ndarray) -> tuple[str, np.ndarray]:
        return name, quant.dequantize(flipping.flip_layer(model.weights[name], local, size))

    return clean | _as_own(body, _each(after, flipping.places(model, flips)))


def _each(work: Callable[..., Made], layers: Iterable[tuple[Any, ...]]) -> list[Made]:
    """``work`` on every layer, on as many threads as passes take: numpy's own loops run on one."""
    if torch.get_num_threads() == 1:
        return [work(*layer) for layer in layers]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return list(threads.map(lambda layer: work(*layer), layers))


def _as_own(body: nn.Module, values: Iterable[tuple[str, np.ndarray]]) -> dict[str, Tensor]:
    own = dict(body.named_parameters())
    return {name: _like(own[name], value) for name, value in values}


def _like(weight: Tensor, values: np.ndarray) -> Tensor:
    value = torch.from_numpy(values).to(weight.device)
    return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value


def call_with(
    network: nn.Module, x: Tensor, values: Mapping[str, Tensor], limit: float = float("inf")
) -> Tensor:
    """Logits with ``values`` in place of the body's weights; all gradients are cut at ``limit``.

    ``x`` is (N, 3, H, W) float32 in [0, 1], logits (N, classes) float32.
    """
    own = {n.removeprefix("body."): p for n, p in network.named_parameters()}
    rest = {} if limit == float("inf") else {n: p for n, p in own.items() if n not in values}
    swapped = {f"body.{n}": straight_through(own[n], v, limit) for n, v in values.items()}
    swapped |= {f"body.{n}": straight_through(p, p.detach(), limit) for n, p in rest.items()}
    return torch.func.functional_call(network, swapped, (x,)).float()


@contextmanager
def frozen_norms(network: nn.Module) -> Iterator[None]:
    """Batch norms use the statistics they have, and learn none, inside the block."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()
