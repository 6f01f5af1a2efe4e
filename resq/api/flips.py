"""A model under flipped bits, and a model as its stored words are read; the one given is never written."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from resq.api import arguments, kinds, stored_words
from resq.api.given import Given
from resq.api.kinds import Model
from resq.core import BitFlips, Encoding, seeds
from resq.core.errors import ResqError
from resq.core.validation import lookup
from resq.deployed import network as deployed
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.memory import faults
from resq.networks import identity


@contextmanager
@torch.inference_mode(mode=False)
def flip_bits(
    model: Model,
    *,
    ber: float,
    encoding: str | Encoding = "",
    fault: str = "random",
    layers: str | Sequence[str] = (),
    planes: int | Sequence[int] = (),
    seed: int = 0,
    map: int = 0,  # noqa: A002 - the word that rows have
    top: float = 0.0,
    weights: str | Sequence[str] = (),
) -> Iterator[Any]:
    """A private copy of the model with bits of its stored weights flipped; on leaving, bit for bit without.

    The flips are those of ``resq.sweep`` with the same arguments. The model given is never written, so others
    may read it meanwhile. Within the block a faulty model may be flipped again: then both sets of flips meet
    its words, and a bit in both is back. One that was changed within the block is a module of its own.

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
            model without weights, or ``weights`` of what is no module or is faulty already.

    Examples:
        >>> import torch
        >>> with flip_bits("signs/resnet20/base", ber=1e-3, seed=7) as faulty:
        ...     faulty(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 16])
    """
    kinds.refuse_others(model, weights=(chosen := arguments.names("weights", weights)))
    rate = faults.check_rate(arguments.number("ber", ber))
    drawn = (
        lookup("fault model", fault, faults.FAULTS),
        arguments.names("layers", layers),
        arguments.wholes("planes", planes),
        faults.drawn_at(arguments.number("top", top), rate),
        arguments.whole("seed", seed, 0),
        arguments.whole("map", map, 0),
    )
    if _of_file(model):
        with _file_flipped(model, str(encoding), drawn, rate) as network:
            yield network
        return
    stored = stored_words.of(model, str(encoding), chosen)
    bench = FaultyNetwork(stored.checkpoint, stored.encoding, folded=False)
    flips = stored_words.both(stored.flips, _drawn(bench.model, drawn).at_rate(rate))
    with bench.flipped(flips) as network:
        faulty = _bare(network)
        stored_words.FAULTY[faulty] = stored._replace(flips=flips), identity.digest(faulty)
        try:
            yield faulty
        finally:
            del stored_words.FAULTY[faulty]


@torch.inference_mode(mode=False)
def quantize(model: Model, encoding: str | Encoding = "", *, weights: str | Sequence[str] = ()) -> Any:
    """A private copy of the model whose weights are what its stored words are read as.

    Args:
        model: a checkpoint's name or any ``nn.Module``; of a faulty one that ``flip_bits`` gave, its flips
            are in the words of the copy, and stay.
        encoding: how weights are stored, such as int8, int4-tmr2 or fp16; default: int8, or as those of a
            faulty model are.
        weights: of a module, which parameters are stored as words; default: all that are weights.

    Raises:
        ValueError: no such encoding, a deployed file, which is stored as it is, a model without weights, or
            another encoding or ``weights`` of a faulty model.

    Examples:
        >>> body = quantize("signs/resnet20/base", "int4").body
        >>> len(body.linear.weight[0].unique()) <= 16
        True
    """
    if _of_file(model):
        raise ResqError("a deployed file's words are its own; resq.load opens it as it is")
    stored = stored_words.of(model, str(encoding), arguments.names("weights", weights), default="int8")
    bench = FaultyNetwork(stored.checkpoint, stored.encoding, folded=False)
    if not len(stored.flips):
        return _bare(bench.network)
    with bench.flipped(stored.flips) as network:
        return _bare(copy.deepcopy(network))


def _bare(network: nn.Module) -> nn.Module:
    """The network as it was given: a body without a normalisation of ours."""
    return network.body if isinstance(network, Given) and network.bare else network


def _of_file(model: Model) -> bool:
    return isinstance(model, deployed.Network) or (isinstance(model, str) and deployed.is_file(model))


def _drawn(memory: Any, drawn: tuple[Any, ...]) -> BitFlips:
    """One fault map, as ``measure.run.sweep`` draws it."""
    draw, layers, planes, top, seed, number = drawn
    where = faults.region(memory, layers, planes)
    flips: BitFlips = draw(where, top, rng=seeds.rng(seed, "map", number))
    return flips


@contextmanager
def _file_flipped(
    model: Model, encoding: str, drawn: tuple[Any, ...], rate: float
) -> Iterator[deployed.Network]:
    if encoding not in ("", "as stored"):
        raise ResqError(f"a deployed file's words are its own, 'as stored', got {encoding!r}")
    opened = model if isinstance(model, deployed.Network) else None
    file, about = (opened.file, (opened.targets, opened.asked)) if opened else (str(model), ())
    before = kinds.FLIPPED.get(opened, stored_words.NO_FLIPS) if opened else stored_words.NO_FLIPS
    with deployed.Network(file, *about) as own:
        flips = stored_words.both(before, _drawn(own, drawn).at_rate(rate))
        with own.flipped(flips):
            kinds.FLIPPED[own] = flips
            try:
                yield own
            finally:
                del kinds.FLIPPED[own]
