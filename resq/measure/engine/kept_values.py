"""What a network computes before one layer, kept for all fault maps of that layer, and what comes after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, fx

from resq.measure.engine import graph_split
from resq.measure.engine.faulty_network import FaultyNetwork

After = Callable[..., Tensor]
Values = tuple[Tensor, ...]
CHECKED = 8  # images on which the cut network is compared with the whole one


def values_before(
    bench: FaultyNetwork, traced: fx.GraphModule | None, layer: str, x: Tensor, batch: int
) -> tuple[After, list[Values]]:
    """(after, the kept values of each batch): ``after(*values)`` is the network's logits, also under flips.

    The cut network is first compared with the whole one, as it is and with the layer's weights negated. Where
    one bit differs, nothing is kept but the images: a person's own layers may do what no graph shows.

    Args:
        traced: ``graph_split.graph(bench.network)``.
        layer: a weight of ``bench.model``.
        x: images (N, C, H, W) in [0, 1].
    """
    before, after = graph_split.split(bench.network, traced, f"body.{layer}")
    with torch.inference_mode():
        if after is not bench.network and not _same(bench, layer, (before, after), x[:CHECKED]):
            before, after = graph_split.split(bench.network, None, layer)
        return after, [before(part) for part in x.split(batch)]


def _same(bench: FaultyNetwork, layer: str, parts: graph_split.Parts, x: Tensor) -> bool:
    """Whether the parts give what the network gives, bit for bit, and leave the kept values as they were."""
    before, after = parts
    try:
        values = before(x)
        copies = [value.clone() if isinstance(value, Tensor) else value for value in values]
        agrees = _equal(after(*values), bench.network(x))
        with _negated(bench.network.body.get_parameter(layer)):
            agrees &= _equal(after(*values), bench.network(x))
    except Exception:  # whatever a person's own layer raises when it is called by itself
        return False
    return agrees and all(map(_equal, values, copies))


def _equal(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
    return bool(one == other)


@contextmanager
def _negated(weight: Tensor) -> Iterator[None]:
    """The weight with every sign turned; afterwards, bit for bit what it was."""
    weight.neg_()
    try:
        yield
    finally:
        weight.neg_()
