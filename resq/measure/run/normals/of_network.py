"""Whether a network would be right more often if its images were normalised in another usual way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch

from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding
from resq.data.normal import USUAL, Normal
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import evaluate
from resq.measure.run.normals.paired import Other, compared
from resq.measure.run.sweep import pixels
from resq.networks import Network

FIRST = 500  # images on which all of them are tried; the best one then sees all

LOOKED = 50  # images at a time: who errs on too many of them need not see the rest
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
        seen[name] = _right(body, normal, few, _most_wrong(seen))
    best = max(named, key=lambda name: int(seen[name].sum()))
    if seen[best].sum() + SLACK < seen[""].sum():
        return None
    if len(few) < len(images):
        seen = {name: _right(body, {"": used, **named}[name], images) for name in ("", best)}
    return compared(best, seen[""].numpy(), seen[best].numpy())


def _most_wrong(seen: Mapping[str, torch.Tensor]) -> float:
    """How many images may be wrong before a normalisation is out: more, and the one in use is kept anyway."""
    return int((~seen[""]).sum()) + SLACK if seen else math.inf


def _right(
    body: torch.nn.Module, normal: Normal, images: Dataset, most_wrong: float = math.inf
) -> torch.Tensor:
    """Which images are right, bool (N,); of one that is out, those that were looked at, and no other."""
    network, y = Network(body, normal.mean, normal.std).eval(), torch.from_numpy(images.y)
    right = torch.zeros(len(images), dtype=torch.bool)
    for part in torch.arange(len(images)).split(LOOKED):
        if int((~right[: part[0]]).sum()) > most_wrong:
            break
        some = images.take(part.numpy())
        right[part] = torch.from_numpy(evaluate(network, pixels(some), y[part])[0])
    return right
