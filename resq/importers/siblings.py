"""Networks whose weights have the same shapes: a file cannot tell which of them it is of."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from resq import networks
from resq.importers.names import COUNTER
from resq.networks.shapes import shapes_only


class _Counting(TorchFunctionMode):
    """Counts index tables out in memory: to stack them on the device "meta", torch imports its compiler."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        more = {"device": "cpu"} if func is torch.arange else {}
        return func(*args, **{**(kwargs or {}), **more})


@cache
def shapes_of(make: Callable[[int], nn.Module], classes: int) -> Counter[tuple[int, ...]]:
    """Shape -> how many tensors of a network have it; made once, as building one takes a second."""
    with shapes_only(), _Counting():
        return _shapes(make(classes))


def _shapes(body: nn.Module) -> Counter[tuple[int, ...]]:
    return Counter(tuple(v.shape) for name, v in body.state_dict().items() if not name.endswith(COUNTER))


def siblings(network: str, body: nn.Module, classes: int, thorough: bool) -> list[str]:
    """Names of the other networks with the shapes of ``body``.

    Args:
        thorough: also where torchvision, which builds some of them, would have to be imported for it.
    """
    if not thorough and "torchvision" not in sys.modules:
        return []
    own = _shapes(body)
    return [
        name
        for name, make in networks.NETWORKS.items()
        if name != network and shapes_of(make, classes) == own
    ]


def of_shapes(shapes: Iterable[tuple[int, ...]], classes: Iterable[int]) -> list[tuple[str, int]]:
    """Networks with their numbers of classes all of whose matrices and kernels are among these shapes.

    Those with most tensors first: one with batch norms before the same without.

    Args:
        shapes: of the tensors in a file.
        classes: numbers of classes that are tried, int.
    """
    in_file = Counter(shapes)
    last, fitting = {shape[0] for shape in in_file if len(shape) == 2}, []
    for (name, make), n in product(networks.NETWORKS.items(), sorted(last & set(classes))):
        own = shapes_of(make, n)
        if not Counter({shape: count for shape, count in own.items() if len(shape) > 1}) - in_file:
            fitting.append((-sum((own & in_file).values()), name, n))
    return [(name, n) for _, name, n in sorted(fitting, key=lambda one: one[0])]


def sentences(network: str, others: list[str], renamed: int) -> list[str]:
    """Sentences on what the file alone cannot tell."""
    sentences = []
    if renamed:
        sentences.append(
            "tensors of equal shape are told apart by the file's order alone, so compare the accuracy with "
            "the source's"
        )
    if others:
        sentences.append(
            f"{' and '.join(others)} {'have' if len(others) > 1 else 'has'} the same shapes: where the "
            f"accuracy is far below the source's, try --network {others[0]}"
        )
    return sentences
