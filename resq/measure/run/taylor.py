"""The loss to second order in the weights: what each flipped bit is expected to add, with none flipped.

``g d + h d^2 / 2`` for a weight that moves by ``d``, and ``d`` is known exactly from the table that decodes
the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resq.attacks.linf import differentiable
from resq.core import FLOATS, QuantizedTensor, seeds
from resq.core.errors import ResqError
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.memory import quant

LARGE = 128  # images of a backward pass for the gradient
# Images, with repetition, that the curvature is drawn on, and of a backward pass for it: few, since what two
# images of a pass have in common is noise. Eight seeds rank the cells of signs/resnet20/base, measured on 48
# images, with Spearman 0.990 to 0.995; passes of 32 over all 48 images, each once, with 0.947 to 0.993.
DRAWS, SMALL = 24, 2
CAP = 20.0  # most that one image's loss counts, a probability of 2e-9; also where logits are no numbers
WORST = 10  # most harmful words that are named


@dataclass(frozen=True, eq=False)
class Derivatives:
    """First derivative and curvature of the mean loss by the weights of one layer, float32 (words,)."""

    first: np.ndarray
    second: np.ndarray


def losses(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of each image, float64 (N,), at most CAP; CAP where the logits are not finite."""
    each = F.cross_entropy(logits.double(), y, reduction="none")
    return each.nan_to_num(nan=CAP, posinf=CAP).clamp(max=CAP)


def estimate(bench: FaultyNetwork, x: Tensor, y: Tensor, *, seed: int = 0) -> list[dict[str, Any]]:
    """One row per cell: ``change``, what one flipped bit of it adds to the mean loss on average.

    ``channels`` has the same for each output channel, ``worst`` and ``costs`` the words whose flip is
    estimated to cost most.

    Args:
        x, y: images (N, 3, H, W) in [0, 1] and labels (N,).
        seed: decides the random signs of the curvature.
    """
    known, loss = derivatives(bench, x, y, rng=seeds.rng(seed, "signs"))
    none = {"map": 0, "flips": 1, "share": 0.0, "n": len(y), "loss": loss, "linear": 0.0, "usual": 0.0,
            "clean": -1, "correct": -1}  # fmt: skip
    rows = []
    for layer, q in bench.model.weights.items():
        planes = range(q.encoding.word_bits - 1, -1, -1)
        finer = len(q.scale) not in (1, q.words.shape[0])  # scales of parts of a channel, from elsewhere
        expect = _by_word if finer or q.encoding.code in FLOATS else _by_code
        near = _steepest(q, known[layer])
        for bit, channels in zip(planes, expect(q, known[layer], planes), strict=True):
            costs = cost(q, known[layer], near, bit)
            order = np.argsort(-costs, kind="stable")[:WORST]
            rows.append({
                "kind": "instant", "layer": layer, "bit": bit, "words": q.words.size, **none,
                "change": float(channels.mean()), "channels": channels.astype(np.float32).tolist(),
                "worst": near[order].tolist(), "costs": costs[order].tolist(),
            })  # fmt: skip
    return rows


@torch.inference_mode(mode=False)
@torch.enable_grad()
def derivatives(
    bench: FaultyNetwork, x: Tensor, y: Tensor, *, rng: np.random.Generator | None, draws: int = DRAWS
) -> tuple[dict[str, Derivatives], float]:
    """Per layer the derivative of the mean loss by every weight and the curvature; and the mean loss.

    The curvature is the diagonal of the generalised Gauss-Newton matrix J' (diag p - p p') J, where J is the
    derivative of the logits: random signs make a backward pass over a few images an unbiased draw. Unlike
    squared gradients of the true labels (the empirical Fisher matrix) it does not vanish where the answers
    are right.

    Args:
        rng: the random signs; None leaves the curvature out (zeros).
        draws: images that the curvature is drawn on, chosen by how much each has, see ``_hessian_sketch``.

    Raises:
        ValueError: the network computes in a way that torch cannot differentiate.
    Sources: Schraudolph 2002; Martens 2020, arXiv:1412.1193, section 9.
    """
    x, y = differentiable(x), differentiable(y)
    parameters = dict(bench.network.body.named_parameters())
    weights = [parameters[name].requires_grad_() for name in bench.model.weights]
    first, second = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    answers = []
    try:
        for part, labels in zip(x.split(LARGE), y.split(LARGE), strict=True):
            z = bench.network(part)
            answers.append(z.detach())
            loss = F.cross_entropy(z, labels, reduction="sum")
            for total, value in zip(first, _gradients(loss, weights), strict=True):
                total += value
        logits = torch.cat(answers)
        if rng is not None:
            chosen, share = _hessian_sketch(logits, draws, rng)
            for part, root in zip(x[chosen].split(SMALL), share.sqrt().split(SMALL), strict=True):
                z = bench.network(part)
                drawn = _gradients(z, weights, root[:, None] * _sample_by_curvature(z.detach(), rng))
                for total, value in zip(second, drawn, strict=True):
                    total.addcmul_(value, value)
    except RuntimeError as error:  # torch's: a person's own network may compute in a way that has no gradient
        raise ResqError(
            f"the loss has no gradient by the weights, so nothing can be estimated: {error!s:.200}; "
            "metric pvf, of a network in torch, needs none"
        ) from error
    finally:
        for w in weights:
            w.requires_grad_(False)
    by_layer = {}
    for name, g, h in zip(bench.model.weights, first, second, strict=True):
        # A folded norm multiplies the weight's channels: the chain rule brings its factor back.
        factor = bench.factors.get(name, np.ones(1, np.float32))
        by_layer[name] = Derivatives(_flat(g, factor / len(y)), _flat(h, factor**2 / len(y)))
    return by_layer, float(F.cross_entropy(logits, y))


def _gradients(of: Tensor, by: Sequence[Tensor], along: Tensor | None = None) -> tuple[Tensor, ...]:
    """Gradients by the weights, zeros for those that nothing was computed with, as of a head for training."""
    return torch.autograd.grad(of, by, along, allow_unused=True, materialize_grads=True)


def _hessian_sketch(z: Tensor, draws: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Images to draw the curvature on, with repetition, and what each draw counts: the sum stays unbiased.

    An image is chosen in proportion to its trace, 1 - sum p^2: a sure answer has next to no curvature, and of
    a few unsure ones, which have nearly all of it, every draw of signs tells something else.
    """
    trace = (1 - z.softmax(1).square().sum(1)).double().cpu().numpy().clip(1e-12)
    ends = np.cumsum(trace) / trace.sum()
    chosen = np.searchsorted(ends[:-1], (np.arange(draws) + rng.random()) / draws)
    count = trace.sum() / (draws * trace[chosen])
    return torch.from_numpy(chosen).to(z.device), torch.from_numpy(count.astype(np.float32)).to(z.device)


def _sample_by_curvature(z: Tensor, rng: np.random.Generator) -> Tensor:
    """Random vectors v, (N, classes), with E[v v^T] the Hessian of cross-entropy in the logits."""
    root = z.softmax(1).sqrt()
    signs = torch.from_numpy(rng.choice(np.array([-1, 1], np.float32), tuple(z.shape)))
    signed = root * signs.to(z.device)
    return signed - root**2 * signed.sum(1, keepdim=True)


def _flat(value: Tensor, factor: np.ndarray) -> np.ndarray:
    """The value (channels, ...) times the factor of each channel, float32 (words,)."""
    return (value.contiguous().cpu().numpy().reshape(len(value), -1) * factor[:, None]).reshape(-1)


def moves(q: QuantizedTensor, index: np.ndarray, bit: int) -> np.ndarray:
    """How far the weight moves when ``bit`` of each of these words (flat indices) flips, float64 (words,)."""
    at, entry = q.words.reshape(-1)[index], quant.channel(q, index)
    struck = at ^ at.dtype.type(q.encoding.flip_mask(bit))
    now, then = (quant.values(w, q.scale[entry], q.zero[entry], q.encoding) for w in (at, struck))
    return then.astype(np.float64) - now


def cost(q: QuantizedTensor, slope: Derivatives, index: np.ndarray, bit: int) -> np.ndarray:
    """Estimated change of the loss for a flip in each of these words, float64, within -CAP..CAP."""
    with np.errstate(over="ignore", invalid="ignore"):
        move = moves(q, index, bit)
        costs = slope.first[index] * move + slope.second[index] * move**2 / 2
    return np.clip(np.nan_to_num(costs, nan=CAP, posinf=CAP, neginf=-CAP), -CAP, CAP)


def _by_code(q: QuantizedTensor, slope: Derivatives, planes: Sequence[int]) -> Iterator[np.ndarray]:
    """Mean estimated change per output channel, float64 (channels,), for each plane.

    Words with the same code in one channel move alike, so derivatives are summed by channel and word first:
    one pass over the weights, whatever the number of planes.
    """
    channels, size = q.words.shape[0], 1 << q.encoding.word_bits
    at = q.words.reshape(channels, -1) + np.arange(channels)[:, None] * size
    sums = [
        np.bincount(at.reshape(-1), values, channels * size).reshape(channels, size)
        for values in (slope.first, slope.second)
    ]
    read, scale = quant.codes(q.encoding).astype(np.float64), q.scale.astype(np.float64)[:, None]
    for bit in planes:
        move = (read[np.arange(size) ^ q.encoding.flip_mask(bit)] - read) * scale  # (channels or 1, size)
        yield (sums[0] * move + sums[1] * move**2 / 2).sum(1) / (q.words.size // channels)


def _by_word(q: QuantizedTensor, slope: Derivatives, planes: Sequence[int]) -> Iterator[np.ndarray]:
    """The same where words are floats: every word moves in its own way."""
    everywhere = np.arange(q.words.size)
    for bit in planes:
        yield cost(q, slope, everywhere, bit).reshape(q.words.shape[0], -1).mean(1)


def _steepest(q: QuantizedTensor, slope: Derivatives, most: int = 256) -> np.ndarray:
    """Words among which the most harmful are looked for: the largest first and second derivatives."""
    scale = np.repeat(q.scale, q.words.size // len(q.scale))
    return np.unique(np.concatenate([
        largest(np.abs(slope.first * scale), most), largest(np.abs(slope.second) * scale**2, most)
    ]))  # fmt: skip


def largest(values: np.ndarray, most: int, chunk: int = 64) -> np.ndarray:
    """Where the ``most`` largest of these values lie, in no order, int64.

    They lie in the chunks with the largest maxima, so millions of values are read but not sorted.

    >>> sorted(largest(np.array([3.0, 9.0, 1.0, 7.0, 8.0]), 2, chunk=2).tolist())
    [1, 4]
    """
    chunks = -(-len(values) // chunk)
    if chunks <= most:
        return np.argpartition(-values, min(most, len(values)) - 1)[:most]
    padded = np.full(chunks * chunk, -np.inf, values.dtype)
    padded[: len(values)] = values
    best = np.argpartition(-padded.reshape(chunks, chunk).max(1), most - 1)[:most]
    at = (best[:, None] * chunk + np.arange(chunk)).reshape(-1)
    return at[np.argpartition(-padded[at], most - 1)[:most]]
