"""Which layers and which bits matter: what a flipped bit adds to the loss, estimated and measured.

The estimate is the second-order expansion of the loss (expansion.py). The measurement flips bits, a cell (one
bit plane of one layer) at a time; what lies before the layer is computed once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq import checkpoints
from resq.core import BitFlips, Encoding, seeds
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.engine import graph_split
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.kept_values import values_before
from resq.measure.run import sweep
from resq.measure.run.taylor import Derivatives, derivatives, estimate, losses, moves
from resq.measure.specs.sweep_spec import SweepSpec
from resq.memory import faults, flipping
from resq.networks import answer

BATCH = 256  # images of a forward pass; a few left over would cost nearly as much
# Images the estimate looks at, as many as are measured by default: the gradient belongs to its images.
# Against a heatmap of signs/resnet20/base measured on 256, an estimate on all of them ranks with Spearman
# 0.94 to 0.98 (three seeds), on the first 128 with 0.91 to 0.94, on the first 64 with 0; curvature was then
# drawn in passes of 32 over all images.
ESTIMATED = 256
LEAST = 16  # flips of a map at least: one alone says little about its cell


def run(spec: LayerSpec, device: torch.device | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a heatmap, ``spec.total`` of them; columns as in ``layers.COLUMNS``, the estimate first.

    Args:
        device: where the network computes, see ``platform.devices``; None: the processor.

    Raises:
        ValueError: an unknown checkpoint, data of other classes, or more images than there are.
        FileNotFoundError: the images are not on this machine.
    """
    checkpoint = checkpoints.load(spec.checkpoint)
    images = sweep.test_images(SweepSpec(spec.checkpoint, spec.data, n=spec.n), checkpoint)
    bench = FaultyNetwork(checkpoint, Encoding.parse(spec.encoding), device=device)
    x, y = sweep.pixels(images).to(device), torch.from_numpy(images.y).to(device)
    shared = {
        "checkpoint": spec.checkpoint, "network": checkpoint.network, "data": images.name,
        "encoding": spec.encoding, "seed": spec.seed, "weights": checkpoint.hash, "images": images.hash,
    }  # fmt: skip
    if spec.metric == "pvf":
        for row in single(bench, x, y, flips=spec.maps, seed=spec.seed):
            yield {**shared, **row}
        return
    for row in estimate(bench, x[:ESTIMATED], y[:ESTIMATED], seed=spec.seed):
        yield {**shared, **row}
    if spec.maps:
        for row in measured(bench, x, y, share=spec.share, maps=spec.maps, seed=spec.seed):
            yield {**shared, **row}


def measured(
    bench: FaultyNetwork, x: Tensor, y: Tensor, *, share: float = 0.01, maps: int = 5, seed: int = 0,
    layers: Sequence[str] = (), planes: Sequence[int] = (), reuse: bool = True,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """One row per cell and map: what its flips add to the loss, and how many images stay right.

    ``linear`` is what the gradient says of exactly these flips, ``usual`` what it says of as many flips on
    average: replacing the one by the other leaves the mean as it is and takes most of the noise away. Both
    are 0 where copies or a code undo a flip that is alone; several together are measured all the same.

    Args:
        share: of the cell's bits that flip together, at least LEAST of them.
        layers, planes: which cells; empty means all.
        reuse: False computes every fault map from the images on, for comparison.
    """
    known, _ = derivatives(bench, x, y, rng=None)
    traced = graph_split.graph(bench.network) if reuse else None
    read, clean = bench.model.read, None
    for layer in layers or read.layers:
        after, activations = values_before(bench, traced, layer, x, BATCH)
        with torch.inference_mode():
            clean = clean or _score(after, activations, y)
        q = bench.model.weights[layer]
        for bit in planes or range(read.word_bits - 1, -1, -1):
            move = moves(q, np.arange(q.words.size), bit)
            linear = _linear(known[layer], move)
            for number in range(maps):
                flips = cell_map(bench, layer, bit, share, seed, number)
                loss, correct = clean
                if not _undone(bench, layer, move, flips):  # else the network is the same
                    with bench.flipped(flips), torch.inference_mode():
                        loss, correct = _score(after, activations, y)
                yield {
                    "kind": "measured", "layer": layer, "bit": bit, "words": len(linear), "map": number,
                    "flips": len(flips), "share": share, "n": len(y), "loss": clean[0], "clean": clean[1],
                    "change": loss - clean[0], "correct": correct,
                    "linear": float(linear[_words(bench, layer, flips)].sum()),
                    "usual": float(linear.mean() * len(flips)), "channels": [], "worst": [], "costs": [],
                }  # fmt: skip


def single(
    bench: FaultyNetwork, x: Tensor, y: Tensor, *, flips: int, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """One row per cell and flip of one bit: ``change``, the share of images whose answer is another one.

    An answer is the class of the largest logit, and none where logits are not finite. The mean over a cell's
    flips is its program vulnerability factor: the probability that a single flip changes an answer.

    Args:
        flips: single bits tried in each cell, distinct; at most all of them.
    """
    traced, read = graph_split.graph(bench.network), bench.model.read
    for layer in read.layers:
        after, activations = values_before(bench, traced, layer, x, BATCH)
        with torch.inference_mode():
            usual, loss = top_classes(after, activations), _score(after, activations, y)
        n_words = bench.model.weights[layer].words.size
        for bit in range(read.word_bits - 1, -1, -1):
            where = faults.region(bench.model, [layer], [bit])
            rate = min(flips, where.n_bits) / where.n_bits
            drawn = faults.count(where, rate, rng=seeds.rng(seed, "single", layer, bit))
            for number, address in enumerate(drawn.addresses):
                with bench.flipped(BitFlips(address[None], np.zeros(1))), torch.inference_mode():
                    tops = top_classes(after, activations)
                yield {
                    "kind": "pvf", "layer": layer, "bit": bit, "words": n_words, "map": number, "flips": 1,
                    "share": 0.0, "n": len(y), "loss": loss[0], "clean": loss[1],
                    "change": float((tops != usual).double().mean()), "correct": int((tops == y).sum()),
                    "linear": 0.0, "usual": 0.0, "channels": [], "worst": [], "costs": [],
                }  # fmt: skip


def top_classes(after: Callable[..., Tensor], activations: list[tuple[Tensor, ...]]) -> Tensor:
    """The class of each image whose values are kept, int64 (N,); -1 where the logits are not finite."""
    logits = torch.cat([after(*values) for values in activations])
    return torch.where(torch.isfinite(logits).all(1), logits.argmax(1), -1)


def _linear(slope: Derivatives, move: np.ndarray) -> np.ndarray:
    """What each word's flip adds to first order, float64 (words,); zeros where a flip leaves all bounds."""
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = slope.first * move
    return slopes if np.abs(slopes).max() < 1 else np.zeros_like(slopes)  # NaN compares false


def cell_map(bench: FaultyNetwork, layer: str, bit: int, share: float, seed: int, number: int) -> BitFlips:
    """The flips of one map of a cell."""
    where = faults.region(bench.model, [layer], [bit])
    rate = min(1.0, max(share, LEAST / where.n_bits))
    return faults.count(where, rate, rng=seeds.rng(seed, "cell", layer, bit, number))


def _undone(bench: FaultyNetwork, layer: str, move: np.ndarray, flips: BitFlips) -> bool:
    """Whether the layer's words are read as without the flips of one of its cells.

    Args:
        move: how far each word's weight moves when its bit flips alone.
    """
    encoding = bench.model.weights[layer].encoding
    if encoding.copies == 1 and not encoding.guard:
        return not move.any()  # a word has one flip of a cell at most
    return not len(flipping.misread(bench.model, flips))  # of copies and codes several flips can meet


def _words(bench: FaultyNetwork, layer: str, flips: BitFlips) -> np.ndarray:
    layout, width = bench.model.layout, bench.model.read.word_bits
    word = (flips.addresses - layout.address(layer, 0, 0)) // width
    return word % bench.model.weights[layer].words.size


def _score(
    after: Callable[..., Tensor], activations: list[tuple[Tensor, ...]], y: Tensor
) -> tuple[float, int]:
    """(mean loss, right answers) of the images whose kept values are given."""
    loss, correct = 0.0, 0
    for values, labels in zip(activations, y.split(BATCH), strict=True):
        logits = after(*values)
        loss += float(losses(logits, labels).sum())
        correct += int(answer.right(logits, labels).sum())
    return loss / len(y), correct
