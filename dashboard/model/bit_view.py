"""What the Bit lab shows of a word, a layer and its most harmful bit; the answers come from ``resq``.

Pure functions; no model is written into.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from resq.core import FLOATS, BitFlips, Encoding, QuantizedModel
from resq.core.encoding import IMPORTED
from resq.core.errors import ResqError
from resq.measure.run.one_flip.single_bit import (
    BitExperiment,
    Reading,
    answer,
    flips,
    four,
    perturbed,
    probabilities,
    rates,
    reading,
)
from resq.memory import faults, quant

if TYPE_CHECKING:
    from torch import Tensor

    from resq.measure.run.one_flip import resumed
    from resq.networks import Network

__all__ = [
    "BitExperiment",
    "Reading",
    "answer",
    "flips",
    "four",
    "perturbed",
    "probabilities",
    "rates",
    "reading",
]

ENCODINGS = (
    "int8",
    "int8-symmetric",
    "int8-symmetric-tensor",
    "int8-magnitude",
    "int4",
    "int4-tmr2",
    "bf16",
    "fp32",
)
BUDGETS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)  # 1/255
SHARES = (0.0, 0.001, 0.01, 0.1, 1.0)
EXPONENTS = {"fp32": 8, "bf16": 8, "fp16": 5}


@dataclass(frozen=True)
class Field:
    """Neighbouring bits of a word that mean one thing; ``kind``: sign, code, copy, exponent, mantissa."""

    name: str
    kind: str
    bits: tuple[int, ...]


def fields(encoding: Encoding) -> tuple[Field, ...]:
    """The parts of a stored word, most significant first; protecting copies come last."""
    k = encoding.bits
    if encoding.code in FLOATS:
        split = k - 1 - EXPONENTS[encoding.code]
        parts = [Field("sign", "sign", (k - 1,)), Field("exponent", "exponent", _down(k - 2, split))]
        return (*parts, Field("mantissa", "mantissa", _down(split - 1, 0)))
    if encoding.code == IMPORTED:  # with or without a sign, as each layer's own words have it
        parts = [Field("code of the file", "code", _down(k - 1, 0))]
    elif encoding.code == "affine":
        parts = [Field(f"code: bit {k - 1} counts {2 ** (k - 1)}", "code", _down(k - 1, 0))]
    else:
        name = "sign" if encoding.code == "magnitude" else f"−{2 ** (k - 1)}"
        rest = f"{'magnitude' if encoding.code == 'magnitude' else 'code'}: bit {k - 2} counts {2 ** (k - 2)}"
        parts = [Field(name, "sign", (k - 1,)), Field(rest, "code", _down(k - 2, 0))]
    for i in range(encoding.tmr):
        parts.append(Field(f"copies of {k - 1 - i}", "copy", _down(k + 2 * i + 1, k + 2 * i)))
    return tuple(parts)


def encodings(cards: Iterable[Mapping[str, Any]], named: Iterable[str] = ()) -> list[str]:
    """The encodings to choose from: the usual ones, those networks are meant for, those that a link names.

    Args:
        named: what a link says, whatever that is.
    """
    own = [str(card.get("encoding") or ENCODINGS[0]) for card in cards]
    return list(dict.fromkeys([*ENCODINGS, *own, *filter(_is_encoding, named)]))


def _is_encoding(name: str) -> bool:
    try:
        return str(Encoding.parse(name)) == name
    except ResqError:
        return False


def _down(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last - 1, -1))


def keys(encoding: Encoding) -> dict[int, str]:
    """The digit that flips each bit: its own number; in floating point 0..7 the exponent, 8 the sign."""
    if encoding.code not in FLOATS:
        return {bit: str(bit) for bit in range(min(encoding.word_bits, 10))}
    sign, exponent = fields(encoding)[0].bits[0], fields(encoding)[1].bits
    return {sign: "8", **{bit: str(i) for i, bit in enumerate(reversed(exponent))}}


def edges(weight: np.ndarray, bins: int = 61) -> np.ndarray:
    """Histogram edges (bins + 1,) around a layer's weights, with room for where a flip may take one."""
    low, high = float(weight.min()), float(weight.max())
    room = (high - low or 1.0) * 0.35
    return np.linspace(low - room, high + room, bins + 1)


def counts(weight: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Weights per bin, int64; those that are no numbers, or outside, are not counted."""
    return np.histogram(weight[np.isfinite(weight)], bins=at)[0]


def largest(model: QuantizedModel, layer: str) -> int:
    """The weight of the layer that is farthest from zero."""
    return int(np.abs(quant.dequantize(model.weights[layer])).argmax())


def most_harmful(
    network: Network,
    model: QuantizedModel,
    layer: str,
    x: Tensor,
    tries: int = 10,
    noted: resumed.Recording | None = None,
) -> tuple[int, int]:
    """The (weight, bit) of a layer whose flip costs this image's answer most.

    The gradient says how much each flip would cost to first order; the ``tries`` worst are then flipped.

    Args:
        noted: the fault-free pass over this image; without it one is made.
    """
    from resq.measure.run.one_flip import resumed

    noted = noted or resumed.record(network, model.weights, x)
    candidates = _candidates(network, model, layer, x, tries, noted)
    first = int(probabilities(noted.logits).argmax())
    best, least = candidates[0], np.inf
    for w, bit in _closest(network, model, layer, x, candidates, noted):
        bits = faults.one_bit(model.layout, layer, w, bit)
        left = np.nan_to_num(_flipped_answer(network, model, bits, x, noted)[first])
        if left < least:  # no answer at all costs all of it
            best, least = (w, bit), float(left)
    return best


def _flipped_answer(
    network: Network, model: QuantizedModel, bits: BitFlips, x: Tensor, noted: resumed.Recording
) -> np.ndarray:
    """``answer``, from the flipped layer on."""
    from resq.measure.run.one_flip import resumed

    passed = resumed.outputs(noted, network, resumed.flipped_weights(network, model, bits), x)
    return answer(network, model, bits, x) if passed is None else probabilities(passed[1])


LARGE = 1e3  # logits beyond which the order of a sum can decide an answer
ROUNDING = 1e-3  # of log-odds; that of sums in another order was seen to move them by a hundredth of it


def _log_odds(logits: Tensor, first: int) -> np.ndarray:
    """Of one class against all others, float64 (N,) of logits (N, classes)."""
    z = logits.double()
    others = [i for i in range(z.shape[1]) if i != first]
    odds: np.ndarray = (z[:, first] - z[:, others].logsumexp(1)).numpy()
    return odds


def _closest(
    network: Network,
    model: QuantizedModel,
    layer: str,
    x: Tensor,
    candidates: list[tuple[int, int]],
    noted: resumed.Recording,
) -> list[tuple[int, int]]:
    """The candidates that one pass over all at once cannot tell from the worst: mostly a single one."""
    from resq.measure.run.one_flip import resumed

    weights = (
        resumed.flipped_weights(network, model, faults.one_bit(model.layout, layer, w, bit)).get(
            layer, network.body.get_parameter(layer)
        )
        for w, bit in candidates
    )
    logits = resumed.logits_of_each(noted, network, layer, weights, len(candidates), x)
    if logits is None:
        return candidates
    first = int(probabilities(noted.logits).argmax())
    left = np.array([np.nan_to_num(probabilities(row[None])[first]) for row in logits])
    unsure, odds = logits.abs().amax(1).numpy() > LARGE, _log_odds(logits, first)
    if (sure := ~unsure).any():  # equal to the last digit of a probability is equal too
        unsure |= (odds <= odds[sure].min() + ROUNDING) | (left <= left[sure].min() * (1 + 1e-12))
    close = unsure | np.isnan(odds)
    return [candidate for candidate, near in zip(candidates, close, strict=True) if near]


def _candidates(
    network: Network, model: QuantizedModel, layer: str, x: Tensor, tries: int, noted: resumed.Recording
) -> list[tuple[int, int]]:
    import torch

    from resq.measure.run.one_flip import resumed

    q = model.weights[layer]
    weight = torch.from_numpy(quant.dequantize(q)).requires_grad_()
    logits = resumed.logits_with(noted, network, layer, weight, x)
    loss = torch.nn.functional.cross_entropy(logits, logits.argmax(1))
    slope = torch.autograd.grad(loss, weight)[0].numpy().reshape(-1)
    rows, now = q.words.reshape(len(q.scale), -1), quant.dequantize(q).reshape(-1)
    # ReLU clips what goes down, so a first-order estimate is trusted for either direction on its own.
    up: list[tuple[float, int, int]] = []
    down: list[tuple[float, int, int]] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for bit in range(q.encoding.word_bits):
            words = rows ^ q.words.dtype.type(q.encoding.flip_mask(bit))
            then = quant.values(words, q.scale[:, None], q.zero[:, None], q.encoding).reshape(-1)
            change = then.astype(np.float64) - now
            cost = np.nan_to_num(slope * change, posinf=1e300, neginf=-1e300)
            for side, ranking in ((change > 0, up), (change < 0, down)):
                ranked = np.where(side, cost, -np.inf)
                worst = np.argpartition(-ranked, min(3, len(cost) - 1))[:4]
                ranking += [(float(cost[j]), int(j), bit) for j in worst if side[j]]
    best = sorted(up, reverse=True)[: tries // 2] + sorted(down, reverse=True)[: tries // 2]
    return [(w, bit) for _, w, bit in best] or [(0, 0)]  # a copy that is outvoted changes nothing either way
