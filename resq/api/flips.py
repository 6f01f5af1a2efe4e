"""A model under flipped bits, and a model as its stored words are read; the one given is never written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from resq import checkpoints
from resq.api import models
from resq.api.given import Given
from resq.api.models import Model
from resq.core import BitFlips, Encoding, seeds
from resq.core.errors import ResqError
from resq.core.validation import lookup
from resq.deployed import network as deployed
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.memory import faults

# A faulty network -> its checkpoint, its encoding and what flips in it: flips within flips meet its words.
_FAULTY: WeakKeyDictionary[nn.Module, tuple[str, Encoding, BitFlips]] = WeakKeyDictionary()


@contextmanager
@torch.inference_mode(mode=False)
def flip_bits(
    model: Model,
    *,
    ber: float,
    encoding: str = "",
    fault: str = "random",
    layers: Sequence[str] = (),
    planes: Sequence[int] = (),
    seed: int = 0,
    map: int = 0,  # noqa: A002 - the word that rows have
    top: float = 0.0,
    weights: Sequence[str] = (),
) -> Iterator[Any]:
    """A private copy of the model with bits of its stored weights flipped; on leaving, bit for bit without.

    The flips are those of ``resq.sweep`` with the same arguments. The model given is never written, so others
    may read it meanwhile. Within the block a faulty model may be flipped again: then both sets of flips meet
    its words, and a bit in both is back.

    Args:
        model: as for ``resq.load``.
        ber: bit error rate, the probability of a flip per stored bit, 0..1.
        encoding: how weights are stored; default: as the checkpoint's card says, else int8.
        fault: a fault model of ``resq.FAULTS``.
        layers: where bits may flip, names or patterns such as ``layer1.*``; empty: everywhere.
        planes: which bits of a word may flip; empty: all.
        seed: decides the fault maps.
        map: which of them is drawn.
        top: the rate it is drawn at, of which ``ber`` has a part; default: ``ber``.
        weights: of a module, which parameters are stored as words; default: all that are weights.

    Yields:
        An ``nn.Module`` of the class of the one given, in evaluation mode; of a deployed file, its network.

    Raises:
        ValueError: a rate outside 0..1, a ``top`` below ``ber``, no such layer, encoding or fault model, a
            model without weights, or ``weights`` of what is no module.

    Examples:
        >>> import torch
        >>> with flip_bits("signs/resnet20/base", ber=1e-3, seed=7) as faulty:
        ...     faulty(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 16])
    """
    models.refuse_others(model, weights=weights)
    rate, strikes = faults.check_rate(ber), lookup("fault model", fault, faults.FAULTS)
    drawn = (strikes, layers, planes, faults.drawn_at(top, rate), seed, map)
    if _of_file(model):
        with _file_flipped(model, encoding, drawn, rate) as network:
            yield network
        return
    name, how, before = _where(model, encoding, weights)
    bench = FaultyNetwork(checkpoints.load(name), how, folded=False)
    flips = _both(before, _drawn(bench.model, drawn).at_rate(rate))
    with bench.flipped(flips) as network:
        faulty = _bare(network)
        _FAULTY[faulty] = name, how, flips
        try:
            yield faulty
        finally:
            del _FAULTY[faulty]


@torch.inference_mode(mode=False)
def quantize(model: Model, encoding: str = "int8", *, weights: Sequence[str] = ()) -> Any:
    """A private copy of the model whose weights are what its stored words are read as.

    Args:
        model: a checkpoint's name or any ``nn.Module``.
        encoding: how weights are stored, such as int8, int4-tmr2 or fp16.
        weights: of a module, which parameters are stored as words; default: all that are weights.

    Raises:
        ValueError: no such encoding, a deployed file, which is stored as it is, or a model without weights.

    Examples:
        >>> body = quantize("signs/resnet20/base", "int4").body
        >>> len(body.linear.weight[0].unique()) <= 16
        True
    """
    if _of_file(model):
        raise ResqError("a deployed file's words are its own; resq.load opens it as it is")
    name, how, _ = _where(model, encoding, weights)
    network = FaultyNetwork(checkpoints.load(name), how, folded=False).network
    return _bare(network)


def _bare(network: nn.Module) -> nn.Module:
    """The network as it was given: a body without a normalisation of ours."""
    return network.body if isinstance(network, Given) and network.bare else network


def _of_file(model: Model) -> bool:
    return isinstance(model, deployed.Network) or (isinstance(model, str) and deployed.is_file(model))


def _where(model: Model, encoding: str, weights: Sequence[str]) -> tuple[str, Encoding, BitFlips]:
    """The checkpoint, its encoding and what flips in it already."""
    none = BitFlips(np.empty(0, np.int64), np.empty(0))
    if isinstance(model, nn.Module) and model in _FAULTY:
        name, how, before = _FAULTY[model]
        if encoding and Encoding.parse(encoding) != how:
            raise ResqError(
                f"this model's bits are stored as {how}; flips within flips cannot be in {encoding}"
            )
        return name, how, before
    name = models.name_of(model, weights=weights)
    return name, Encoding.parse(encoding or checkpoints.default_encoding(name)), none


def _drawn(memory: Any, drawn: tuple[Any, ...]) -> BitFlips:
    """One fault map, as ``measure.run.sweep`` draws it."""
    draw, layers, planes, top, seed, number = drawn
    where = faults.region(memory, layers, planes)
    flips: BitFlips = draw(where, top, rng=seeds.rng(seed, "map", number))
    return flips


def _both(one: BitFlips, other: BitFlips) -> BitFlips:
    """What two sets of flips do together: a bit that is in both is back."""
    if not len(one):
        return other
    at = np.setxor1d(one.addresses, other.addresses, assume_unique=True)
    return BitFlips(at, np.zeros(len(at)))


@contextmanager
def _file_flipped(
    model: Model, encoding: str, drawn: tuple[Any, ...], rate: float
) -> Iterator[deployed.Network]:
    if encoding not in ("", "as stored"):
        raise ResqError(f"a deployed file's words are its own, 'as stored', got {encoding!r}")
    opened = model if isinstance(model, deployed.Network) else None
    file, about = (opened.file, (opened.targets, opened.asked)) if opened else (str(model), ())
    with deployed.Network(file, *about) as own, own.flipped(_drawn(own, drawn).at_rate(rate)):
        yield own
