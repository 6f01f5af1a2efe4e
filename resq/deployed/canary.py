"""Before anything is measured: is every flip computed with, and is every flip undone?

Runtimes pack, fold and rearrange constants when they begin, so a flip that reads back may never be used, and
a campaign would report a network that no fault harms. So for each tensor that is a target, flips must change
the answers to a few images, and undoing them must bring the answers back bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from resq.core import BitFlips, seeds
from resq.core.errors import ResqError
from resq.deployed.network import Network
from resq.deployed.words import Stored
from resq.memory import regions

PROBE = 8  # images
FEW = 256  # words of the first try
BATCHES = (1, 10, 25, 50, 100)
TIMED = 100  # images
USUAL, SHORT = 1000, 1.0  # images of a usual map: so many are timed where they take less than SHORT seconds
TURNS, ENOUGH = 7, 1.5  # each candidate is timed so often in turn, or until this many seconds have gone
WORTH = 0.9  # of the time of fewer threads: what more of them must save, as others compute here too


@dataclass(frozen=True)
class Settled:
    """What was found out of a file on this machine.

    Attributes:
        way, batch, threads: how flips are brought to the runtime, how many images it is given at once, and on
            how many threads it runs: more than one only where every answer is that of one, bit for bit.
        seconds: of one fault map on ``images`` images, for each way that is true to the file.
        unread: names of scales and other constants that the runtime never computes with: they stay among the
            words, as they lie in the memory, and their flips change nothing.
    """

    way: str
    batch: int
    seconds: dict[str, float]
    images: int
    unread: tuple[str, ...]
    threads: int = 1


def settle(network: Network, x: np.ndarray, layers: Sequence[str] = ()) -> Settled:
    """Finds the quickest way that is true to the file, and leaves the network in it.

    Args:
        x: images (N, C, H, W), uint8, a hundred of those that will be measured.
        layers: names or patterns of those that will be measured; none: all.

    Raises:
        ValueError: the runtime never computes with a tensor of weights, biases or norms, or with none of the
            targets; no layer fits a pattern; its answers are not the same twice; or flips are not undone.
    """
    probe, timed = _frozen(x[:PROBE]), _frozen(x[:TIMED])
    tensors = [network.stored[i] for i in regions.region(network.layout, layers).layers]
    network.logits(probe)  # begins the process
    plain, *others = network.ways
    network.use(plain, threads=1)
    own, digest = network.logits(probe), network.digest()
    if not np.isfinite(own).any():
        raise ResqError(
            f"{network.file.name} answers no finite number to the first {len(probe)} images as it is, by "
            f"{network.runtime}: nothing can be measured with it"
        )
    timed = _usual(network, timed)
    _quickest(network, timed)
    _same(network, own, network.logits(probe), "answers other numbers when it is asked again")
    struck = {s.name: reached(network, s, probe, own) for s in tensors}
    unread = [s for s in tensors if not struck[s.name]]
    _refuse(network, tensors, unread)
    if network.digest() != digest:
        raise ResqError(f"{network.file.name} is not what it was once flips are undone: nothing was measured")
    seconds = {plain: _per_map(network, timed)}
    for way in others:
        if _true(network, way, tensors, probe, own, struck):
            seconds[way] = _per_map(network, timed)
    best = min(seconds, key=lambda way: seconds[way])
    network.way = best
    network.close()  # gives back what the trials took; the next question begins in the way that was found
    missed = tuple(s.name for s in unread)
    return Settled(best, network.batch, seconds, len(timed), missed, network.threads)


def _usual(network: Network, x: np.ndarray) -> np.ndarray:
    """As many images as a map usually has, the same again and again, where that is soon done."""
    network.logits(x)
    if _seconds(lambda: network.logits(x)) * USUAL > SHORT * len(x):
        return x
    return _frozen(np.concatenate([x] * -(-USUAL // len(x)))[:USUAL])


def _refuse(network: Network, tensors: list[Stored], unread: list[Stored]) -> None:
    """Refuses what would be measured without being computed with."""
    lost = [s.name for s in unread if s.kind in ("weights", "biases", "norms")]
    if lost:
        raise ResqError(
            f"{network.runtime} never computes with {', '.join(lost)[:300]} of {network.file.name}: flips "
            "there change no answer; choose the others with --layers"
        )
    if len(unread) == len(tensors):
        raise ResqError(
            f"{network.runtime} computes with none of the {network.targets} of {network.file.name}: flips in "
            f"{', '.join(s.name for s in unread)[:200]} change no answer"
        )


def _frozen(x: np.ndarray) -> np.ndarray:
    part = np.ascontiguousarray(x)
    if part is x or part.base is not None:
        part = part.copy()
    part.setflags(write=False)
    return part


def _same(network: Network, before: np.ndarray, after: np.ndarray, what: str) -> None:
    if before.tobytes() != after.tobytes():
        raise ResqError(f"{network.file.name} {what}: nothing can be measured with it")


def _true(
    network: Network, way: str, tensors: list[Stored], probe: np.ndarray, own: np.ndarray,
    struck: Mapping[str, bytes],
) -> bool:  # fmt: skip
    """Whether flips that are brought in this way give every answer that they give in the plain one."""
    try:
        network.use(way)
        if network.logits(probe).tobytes() != own.tobytes():
            return False
        return all(reached(network, one, probe, own) == struck[one.name] for one in tensors)
    except ValueError:  # words that cannot be brought in this way
        return False


def reached(network: Network, tensor: Stored, probe: np.ndarray, own: np.ndarray) -> bytes:
    """The answers that flips in this tensor change, empty where none do; undoing them brings back the others.

    ``probe`` is a batch of inputs as the file takes them, ``own`` logits (N, classes) float32.

    Args:
        own: the answers to ``probe`` without flips.

    Raises:
        ValueError: undoing them does not.
    """
    for flips in tries(network, tensor):
        with network.flipped(flips):
            changed = network.logits(probe).tobytes()
        after = network.logits(probe)
        _same(network, own, after, f"does not answer as before once flips in {tensor.name!r:.60} are undone")
        if changed != own.tobytes():
            return changed
    return b""


def tries(network: Network, tensor: Stored) -> Iterator[BitFlips]:
    """Flips that a network which computes with the tensor cannot overlook: top bits, then random bits of all.

    The second try hits every word, as one bit may be one that the runtime truly has no use for.
    """
    first = network.layout.address(tensor.name, 0, 0)
    index = np.unique(np.linspace(0, tensor.count - 1, min(FEW, tensor.count)).astype(np.int64))
    yield _flips(first + index * tensor.width + tensor.width - 1)
    rng = seeds.rng(0, "canary", tensor.name)
    for _ in range(2):
        yield _flips(first + np.flatnonzero(rng.random(tensor.count * tensor.width) < 0.3))


def _flips(addresses: np.ndarray) -> BitFlips:
    return BitFlips(addresses, np.zeros(len(addresses)))


def _quickest(network: Network, x: np.ndarray) -> None:
    """Leaves the network, which runs on one thread, in the quickest batch and number of threads."""
    threads, own, expected = 1, network.batch, network.logits(x)
    batch, least = _batch(network, x, expected)
    for more in _counts(network.most):
        network.use(batch=own, threads=more)
        other, seconds = _batch(network, x, expected)
        if not seconds < WORTH * least:
            break
        threads, batch, least = more, other, seconds
    network.use(batch=batch, threads=threads)


def _counts(most: int) -> list[int]:
    """Numbers of threads above one that are tried: twice as many each time, and as many as may be.

    >>> _counts(6), _counts(1)
    ([2, 4, 6], [])
    """
    return sorted({2**i for i in range(1, most.bit_length()) if 2**i <= most} | {most} - {1})


def _batch(network: Network, x: np.ndarray, expected: np.ndarray) -> tuple[int, float]:
    """The quickest batch whose answers are those expected, and its seconds; infinite: no batch's are."""
    own = network.batch
    fixed = (network.parsed.input.shape or (1,))[0] > 0 and network.parsed.carrier in ("onnx", "pt2")
    sizes = [own] if fixed else sorted({own, *(b for b in BATCHES if b <= len(x))})

    def asked(batch: int) -> bool:
        network.use(batch=batch)
        return network.logits(x).tobytes() == expected.tobytes()

    least = {}
    for batch in sizes:
        began = time.perf_counter()
        if _takes(asked, batch):
            least[batch] = time.perf_counter() - began
    if sum(least.values()) < ENOUGH:
        least = _least({batch: partial(asked, batch) for batch in least})
    return min(least.items(), key=lambda pair: pair[1]) if least else (own, np.inf)


def _takes(asked: Callable[[int], bool], batch: int) -> bool:
    try:
        return asked(batch)
    except ValueError:  # the file takes no other number of images than its own
        return False


def _least(works: Mapping[Any, Callable[[], object]]) -> dict[Any, float]:
    """The least seconds of each work; all are done in turn, so that a busy machine slows them alike."""
    least = dict.fromkeys(works, np.inf)
    began = time.perf_counter()
    for _ in range(TURNS):
        for name, work in works.items():
            least[name] = min(least[name], _seconds(work))
        if time.perf_counter() - began > ENOUGH:
            break
    return least


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _per_map(network: Network, x: np.ndarray) -> float:
    """Seconds of one fault map on these images, flips in the lowest bits of the first tensor: the least."""
    first = network.stored[0]
    index = np.arange(0, first.count, max(1, first.count // 500), dtype=np.int64)

    def one() -> None:
        with network.flipped(_flips(index * first.width)):
            network.logits(x)

    return _least({"": one})[""]
