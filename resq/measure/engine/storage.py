"""What a network takes in memory: the words of its weights, and the numbers beside them, copies included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scipy import special

from resq import checkpoints
from resq.checkpoints import Checkpoint
from resq.core.encoding import FLOATS, MOST_COPIES, Encoding
from resq.core.errors import ResqError
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.networks import NETWORKS, clamp

LIMIT = 32  # bits of the limit of one activation


def storage(checkpoint: Checkpoint, encodings: Iterable[str]) -> list[dict[str, Any]]:
    """One object per encoding: stored bits per weight, of the words, of what lies beside them, and in all."""
    rows = []
    for name in encodings:
        bench = FaultyNetwork(checkpoint, Encoding.parse(name), floats=True)
        weights, beside = sum(bench.model.read.words), bench.beside.n_bits if bench.beside else 0
        beside += LIMIT * len(clamp.places(bench.network.body)) if bench.encoding.ranger else 0
        weight_bits = bench.model.n_bits / weights
        rows.append({
            "encoding": name, "words": weight_bits, "beside": beside / weights,
            "all": weight_bits + beside / weights,
            "numbers_beside": sum(t.words.size for t in bench.beside.tensors.values()) if bench.beside else 0,
        })  # fmt: skip
    return rows


def limit_bits(network: str) -> int:
    """Bits of the limits that ``+ranger`` keeps of a network of this architecture, however many its classes.

    >>> limit_bits("resnet20")
    288
    """
    return LIMIT * len(clamp.places(NETWORKS[network](2)))


def copies(n_bits: int, rate: float, wrong: float = 0.1) -> int:
    """The least odd number of copies with which fewer than ``wrong`` of the bits are read wrong on average.

    Args:
        n_bits: bits of one copy; each copy of a bit flips independently with probability ``rate``.

    Raises:
        ValueError: no number up to 99 is enough.

    >>> copies(28830 * 32, 1e-2), copies(28830 * 32, 1e-4)
    (9, 3)
    """
    for k in range(1, MOST_COPIES + 1, 2):
        # More than half of k flips: a tail of the binomial distribution.
        if n_bits * special.bdtrc(k // 2, k, rate) < wrong:
            return k
    raise ResqError(f"more than {MOST_COPIES} copies of {n_bits} bits would be needed at a rate of {rate:g}")


def of_checkpoint(name: str) -> list[dict[str, Any]]:
    """What a checkpoint takes in its own encoding, also with what lies beside the words protected."""
    own = Encoding.parse(checkpoints.default_encoding(name)).bare
    more = ["+floats9"] + ["+folded", "+folded9"] * (own.code not in FLOATS and own.per == "channel")
    return storage(checkpoints.load(name), [str(own), *(f"{own}{form}" for form in more)])
