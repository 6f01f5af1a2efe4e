"""One bit plane of one layer in detail: its weights before and after, where it hurts, its worst words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.format import numbers
from dashboard.model import bit_view, layer_view
from resq.core import QuantizedTensor
from resq.memory import quant


@dataclass(frozen=True, eq=False)
class Cell:
    """One bit plane of one layer in detail.

    Attributes:
        edges, before, after: histogram of the layer's weights, as stored and with the bit flipped everywhere.
        moved: how far a flip moves a weight, root mean square, in weights.
        outside: share of flips that leave the range of the layer's weights or end in no number.
    """

    edges: np.ndarray
    before: np.ndarray
    after: np.ndarray
    moved: float
    outside: float


def cell(q: QuantizedTensor, bit: int) -> Cell:
    """The plane ``bit`` of a layer's words."""
    now, then = quant.dequantize(q), flipped(q, bit)
    edges = bit_view.edges(now)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = float(np.sqrt(np.square(then.astype(np.float64) - now).mean()))
    outside = ~((then >= now.min()) & (then <= now.max()))
    return Cell(
        edges, bit_view.counts(now, edges), bit_view.counts(then, edges), moved, float(outside.mean())
    )


def flipped(q: QuantizedTensor, bit: int) -> np.ndarray:
    """The layer's weights as they are read with ``bit`` of every word flipped."""
    words = q.words ^ q.words.dtype.type(q.encoding.flip_mask(bit))
    rows = words.reshape(len(q.scale), -1)
    return quant.values(rows, q.scale[:, None], q.zero[:, None], q.encoding).reshape(q.words.shape)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What the gradients say of one cell: per output channel, and its most harmful words."""

    channels: np.ndarray
    worst: tuple[int, ...]
    costs: tuple[float, ...]


def estimated(heatmap: layer_view.Heatmap, layer: str, bit: int) -> Estimate | None:
    """The estimate of one cell; None where there is none."""
    row = heatmap.estimates.get((layer, bit))
    if row is None:
        return None
    return Estimate(
        np.asarray(row["channels"]), tuple(map(int, row["worst"])), tuple(map(float, row["costs"]))
    )


def sentence(cell: Cell, heatmap: layer_view.Heatmap, layer: str, bit: int) -> str:
    """What one cell is about: how far its flips move a weight, and what they cost."""
    parts = [
        f"**{layer_view.short(layer)}, bit {bit}**: a flip moves a weight by {numbers.number(cell.moved)} "
        "(root mean square)"
    ]
    if cell.outside:
        parts.append(f"{numbers.percent(cell.outside)} of the flips leave the layer's range of weights")
    for kind, name in layer_view.KINDS.items():
        at = heatmap.at.get((kind, layer, bit))
        if at is not None and kind == "pvf":
            parts.append(layer_view.changed(at))
        elif at is not None:
            span = f" ({layer_view.noise(at)})" if kind == "measured" else ""
            parts.append(f"{name} {layer_view.change(float(at['mean']))} to the loss per flip{span}")
            if kind == "measured":
                parts.append(f"accuracy {_lost(at)} with {int(at['flips']):,} flips at once")
    return "; ".join(parts) + "."


def _lost(at: Mapping[Any, Any]) -> str:
    """The accuracy that a measured cell loses, with its interval over fault maps on the same images."""
    lost = layer_view.points(float(at["drop"]))
    if np.isnan(at["drop_low"]):
        return f"{lost} (one map: no interval)"
    most, least = (layer_view.points(float(at[end])).split()[0] for end in ("drop_high", "drop_low"))
    return f"{lost} ({most} to {least}: 95 % over {at['maps']} maps, on the same images)"


def strip_says(estimate: Estimate) -> str:
    """What the stripes show, for people who cannot see them."""
    worst = int(estimate.channels.argmax())
    most = layer_view.change(float(estimate.channels[worst]))
    return f"Estimated change per output channel; the worst is channel {worst} ({most})."


def worst(q: QuantizedTensor, bit: int, index: Sequence[int], costs: Sequence[float]) -> list[str]:
    """The most harmful words of a cell as options to choose from, one line each."""
    at = np.asarray(index, dtype=np.int64)
    words, entry = q.words.reshape(-1)[at], quant.channel(q, at)
    now, then = (
        quant.values(w, q.scale[entry], q.zero[entry], q.encoding)
        for w in (words, words ^ words.dtype.type(q.encoding.flip_mask(bit)))
    )
    channels = at // (q.words.size // q.words.shape[0])
    return [
        f"{numbers.number(float(a))} → {numbers.number(float(b))} adds about "
        f"{layer_view.change(float(cost))} · no. {number:,}, channel {channel}"
        for number, channel, a, b, cost in zip(at, channels, now, then, costs, strict=True)
    ]
