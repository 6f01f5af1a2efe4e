"""Whether a deployed file of floats is right far more often on pixels that become other numbers.

A float input does not say what pixels become: whoever says a range and forgets the mean measures a
network that nobody deploys. No torch.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from resq import data
from resq.core import Dataset
from resq.core.errors import ResqError
from resq.data.normal import USUAL
from resq.deployed import network as deployed
from resq.deployed.network import Network
from resq.deployed.pixel_range import RANGES
from resq.deployed.pixels import Asked, unit
from resq.measure.run.deployed import file_classes
from resq.measure.run.normals.paired import Other, compared
from resq.measure.specs.sweep_spec import SweepSpec

FIRST, FEW = 100, 500  # images on which all are tried; those that the best one then sees


def hints(spec: SweepSpec) -> list[str]:
    """A sentence where another usual normalisation is clearly right more often.

    Images that are not here, or a file that does not run, are for the measurement to refuse.
    """
    if not deployed.is_file(spec.checkpoint):
        return []
    with suppress(ResqError, OSError), Network(spec.checkpoint, "all", Asked.parse(spec.inputs)) as network:
        return sentences(network, data.load(spec.dataset, "test"))
    return []


def sentences(network: Network, images: Dataset) -> list[str]:
    """The sentence, as ``hints`` gives it, of a file that is open."""
    try:
        file_classes.check(network, images, images.name)
    except ResqError:  # of images of other classes no answer is right
        return []
    best = other(network, images)
    if best is None or not best.clear:
        return []
    return [f"hint: of the first {min(FEW, len(images))} test images {best.sentence('')}; what pixels become "
            f"is a guess of {network.file.name}, which takes floats"]  # fmt: skip


def other(network: Network, images: Dataset) -> Other | None:
    """The usual normalisation that is right most often, where that is at least as often as the one in use.

    None where the file says what pixels become, or somebody said a mean or a deviation.
    """
    taken, options = network.parsed.input, network.asked
    if taken.dtype != "float32" or taken.codes or options.mean or options.std or not options.span:
        return None
    some = _share(images, FIRST)
    ways = candidates(network)
    correct = {name: _right(network, way, some).sum() for name, way in ways.items()}
    best, few = max(correct, key=lambda name: correct[name]), _share(images, FEW)
    own = np.array([options.span[0]]), np.array([options.span[1] - options.span[0]])
    return compared(best, _right(network, own, few), _right(network, ways[best], few))


def candidates(network: Network) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Options -> what black becomes, how far white is from it, float (1,) or (3,), without those in use."""
    ways = {f"--range={low:g}..{high:g}": (np.array([low]), np.array([high - low])) for low, high in RANGES}
    for normal in USUAL.values():
        mean, std = np.asarray(normal.mean), np.asarray(normal.std)
        if network.pixels.channels == 3 and np.ptp(mean):  # the others are ranges
            option = " ".join(f"--{k} {','.join(f'{v:g}' for v in n)}" for k, n in vars(normal).items())
            ways[option] = -mean / std, 1 / std
    low, high = network.pixels.low, network.pixels.high
    return {
        k: (a, b) for k, (a, b) in ways.items() if not (len(a) == 1 and a[0] == low and b[0] == high - low)
    }


def _right(network: Network, way: tuple[np.ndarray, np.ndarray], images: Dataset) -> np.ndarray:
    """Whether each answer is right, bool (N,), on pixels that become such numbers."""
    pixels, (low, span) = network.pixels, (part.reshape(1, -1, 1, 1) for part in way)
    meant = unit(pixels.fitted(images.pixels)) * span + low
    logits = network.logits(((meant - pixels.low) / (pixels.high - pixels.low)).astype(np.float32))
    right: np.ndarray = logits.argmax(axis=1) == images.y
    return right


def _share(images: Dataset, n: int) -> Dataset:
    return images.first(min(n, len(images)))
