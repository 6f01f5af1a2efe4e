"""Whether a network would be right more often if its images were normalised in another usual way."""

from __future__ import annotations

from collections.abc import Callable

import torch

from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding
from resq.data.normal import USUAL, Normal
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import evaluate
from resq.measure.run.other_normal import Other, compared
from resq.measure.run.sweep import pixels
from resq.networks import Network

FIRST = 500  # images on which all of them are tried; the best one then sees all

SLACK = 3  # images fewer right of the first ones: not worth looking at all


Progress = Callable[[float, str], object]  # share done, 0..1, and what is being done


def other(
    checkpoint: Checkpoint, images: Dataset, progress: Progress = lambda share, what: None
) -> Other | None:
    """The usual normalisation that is right most often, where that is at least as often as the one in use.

    Args:
        images: all test images.
        progress: is called before each pass over the first of them.
    """
    body, used = FaultyNetwork(checkpoint, Encoding.parse("fp32")).network.body, checkpoint.normal
    few = images.first(min(FIRST, len(images)))
    named = {name: normal for name, normal in USUAL.items() if normal != used}
    seen = dict[str, torch.Tensor]()
    for at, (name, normal) in enumerate([("", used), *named.items()]):
        how = f"normalised as {name}" if name else "as it says itself"
        progress(at / (1 + len(named)), f"trying it on {len(few)} test images, {how}")
        seen[name] = _right(body, normal, few)
    best = max(named, key=lambda name: int(seen[name].sum()))
    if seen[best].sum() + SLACK < seen[""].sum():
        return None
    if len(few) < len(images):
        seen = {name: _right(body, {"": used, **named}[name], images) for name in ("", best)}
    return compared(best, seen[""].numpy(), seen[best].numpy())


def _right(body: torch.nn.Module, normal: Normal, images: Dataset) -> torch.Tensor:
    network = Network(body, normal.mean, normal.std).eval()
    right, _ = evaluate(network, pixels(images), torch.from_numpy(images.y))
    return torch.from_numpy(right)
