"""Bit-error training: half the loss with the weights as stored, half with bits of them flipped.

Source: Stutz et al., MLSys 2021, arXiv:2006.13977 ("RandBET"), written from the formulas; the options
``guided`` (rates by measured vulnerability) and ``reliability`` (images whose answer flips are drawn more
often) are this project's readings of "sensitivity-guided fine-tuning" and "reliability-aware retraining".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq import seeds
from resq.core import BitFlips, Encoding, QuantizedModel
from resq.learn import average
from resq.learn.stages import vulnerable, words
from resq.learn.stages.adversarial import moved
from resq.learn.stages.bpfc import coarsened
from resq.learn.stages.frame import TRAINING, Options, Outcome, Site, Stage
from resq.learn.stages.look import network_with
from resq.learn.stages.tune import Order, squared_distance, tuned
from resq.learn.train import Objective
from resq.memory import bits

DEFAULTS = {
    **TRAINING,
    "lr": 0.01,
    "encoding": "int8",
    "rate": 0.01,  # bit error rate of the faulty pass, per stored bit
    "clip": 0.05,  # bound of each element of the faulty cross-entropy's gradient
    "begin": 1.75,  # faults come once the clean cross-entropy is below this (for ten classes)
    "w_max": 0.0,  # weights are cut to +-w_max after every step; 0: not
    "w_sigma": 0.0,  # ... to so many standard deviations of their layer at the start; 0: not
    "keep_bpfc": 0.0,  # weight of the BPFC term, so that a stage before is not forgotten
    "keep_eps": 0.0,  # budget in 1/255 of one FGSM step that moves all images, for the same purpose
    "planes": 5,
    "guided": 0.0,  # 0: one rate for all layers; 1: in proportion to each layer's vulnerability
    "reliability": 0.0,  # how many times more often an image is drawn whose answer always flips
    "recount": 2000,  # clean images from which batch norms take their statistics at the end; 0: not
}

Draw = Callable[[QuantizedModel, np.random.Generator], BitFlips]


def bit_error(site: Site, options: Options) -> Outcome:
    """The network after epochs with a fresh fault map in every step.

    Raises:
        ValueError: a rate above 0.5, or guided outside 0..1.
    """
    rate, share = options["rate"], options["guided"]
    if rate > 0.5 or share > 1:
        raise ValueError(f"bit_error takes rate in 0..0.5 and guided in 0..1, got {rate:g} and {share:g}")
    names, draw = site.checkpoint.weights, _draw(site, options)
    found = tuned(
        site,
        options,
        lambda run: objective(names, options, draw, len(site.train.classes)),
        stepped=clipping(site, options),
        order=_order(site, options),
    )
    return found if found.notes["rolled_back"] or not options["recount"] else _recounted(site, options, found)


def objective(names: tuple[str, ...], options: Options, draw: Draw, classes: int) -> Objective:
    """1/2 CE(words) + 1/2 CE(words with flips) + keep_bpfc * BPFC; the first half alone while CE is high.

    ``clip`` bounds the gradient of the faulty cross-entropy itself, before its factor of one half. Batch
    norms learn from the clean pass and are frozen in the faulty one.
    """
    encoding = Encoding.parse(options["encoding"])
    begin = options["begin"] * math.log(classes) / math.log(10)
    limit, keep = options["clip"] / 2, options["keep_bpfc"] * 10 / classes

    def loss(network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        body = network.body
        assert isinstance(body, nn.Module)
        if options["keep_eps"]:
            x = moved(network, x, y, {"steps": 1, "eps": options["keep_eps"]}, rng)
        stored = words.stored(body, names, encoding)
        values = words.read(body, stored)
        logits = words.call(network, x, values)
        total = F.cross_entropy(logits, y)
        flips = draw(stored, rng)
        if float(total.detach()) < begin:
            with words.frozen_norms(network):
                faulty = words.call(network, x, words.flipped(body, stored, values, flips), limit)
            total = (total + F.cross_entropy(faulty, y)) / 2
        if keep:
            coarse = words.call(network, coarsened(x, options["planes"], rng), values)
            total = total + keep * squared_distance(logits, coarse)
        return total, logits

    return loss


def _draw(site: Site, options: Options) -> Draw:
    """The fault maps: i.i.d. at one rate, or layer by layer at rates that vulnerability decides."""
    rate = float(options["rate"])
    if not options["guided"]:
        return lambda stored, rng: _at_rates(stored, [rate] * len(stored.weights), rng)
    harm = vulnerable.layers(site, Encoding.parse(options["encoding"]), rate)
    sizes = [site.checkpoint.state[name].size for name in site.checkpoint.weights]
    rates = guided(harm, sizes, rate, options["guided"])
    return lambda stored, rng: _at_rates(stored, rates, rng)


def guided(harm: np.ndarray, sizes: list[int], rate: float, share: float) -> list[float]:
    """Rates per layer: ``share`` of all expected flips in proportion to harm x size, the rest evenly.

    The expected number of flips stays that of ``rate`` unless a layer's rate would exceed 0.5.

    >>> guided(np.array([3.0, 1.0]), [10, 10], 0.01, 1.0)
    [0.015, 0.005]
    """
    mean = float(np.average(harm, weights=sizes))
    relative = harm / mean if mean > 0 else np.ones(len(harm))
    return [float(min(0.5, rate * (1 - share + share * r))) for r in relative]


def _at_rates(stored: QuantizedModel, rates: list[float], rng: np.random.Generator) -> BitFlips:
    layout = stored.layout
    spans = np.diff(layout.starts)
    at = [layout.starts[i] + bits.sparse(int(spans[i]), rate, rng) for i, rate in enumerate(rates)]
    found = np.concatenate(at)
    return BitFlips(found, np.zeros(len(found)))


def clipping(site: Site, options: Options) -> Callable[[nn.Module], None] | None:
    """What cuts the weights after every step; None where nothing is to be cut."""
    bounds = {name: bound(site.checkpoint.state[name], options) for name in site.checkpoint.weights}
    if all(b == math.inf for b in bounds.values()):
        return None

    def cut(network: nn.Module) -> None:
        own = dict(network.named_parameters())
        with torch.no_grad():
            for name, most in bounds.items():
                own[f"body.{name}"].clamp_(-most, most)

    return cut


def bound(weight: np.ndarray, options: Options) -> float:
    """The largest absolute weight that the options allow in this layer.

    >>> bound(np.array([-1.0, 1.0]), {"w_max": 0.0, "w_sigma": 2.5})
    2.5
    """
    wide = float(options["w_max"]) or math.inf
    return min(wide, float(options["w_sigma"]) * float(weight.std()) or math.inf)


def _order(site: Site, options: Options) -> Order | None:
    """Images drawn with replacement, more often where faults flip their answer; None: each one once."""
    if not options["reliability"]:
        return None
    unsteady = vulnerable.images(site, Encoding.parse(options["encoding"]), options["rate"])
    often = 1 + options["reliability"] * unsteady
    return lambda epoch, rng: rng.choice(len(often), len(often), p=often / often.sum())


def _recounted(site: Site, options: Options, found: Outcome) -> Outcome:
    """The outcome with batch-norm statistics counted anew, the weights as stored."""
    encoding = Encoding.parse(options["encoding"])
    return replace(found, state=recounted(site, dict(found.state), encoding, options["recount"]))


def recounted(site: Site, state: dict[str, np.ndarray], encoding: Encoding, n: int) -> dict[str, np.ndarray]:
    """``state`` with batch-norm statistics from ``n`` training images, its weights read from words."""
    checkpoint = site.checkpoint
    network = network_with(checkpoint, state, encoding)
    order = seeds.rng(site.seed, "recount").permutation(len(site.train))[:n]
    pixels = torch.from_numpy(np.ascontiguousarray(site.train.pixels[order]))
    average.recount(network, pixels.split(250))
    counted = {k: v.cpu().numpy() for k, v in network.body.state_dict().items()}
    return {k: state[k] if k in checkpoint.weights else counted[k] for k in state}


STAGE = Stage("training while bits of the stored weights flip", bit_error, DEFAULTS,
              lambda options: 2.0 + (options["keep_bpfc"] > 0) + (options["keep_eps"] > 0))  # fmt: skip
