"""Bit-error training: half the loss with the weights as stored, half with bits of them flipped.

Source: Stutz et al., MLSys 2021, arXiv:2006.13977 ("RandBET"), written from the formulas; the options
``by_vulnerability`` (rates by measured vulnerability) and ``reliability`` (images whose answer flips are
drawn more often) are this project's readings of "sensitivity-guided fine-tuning" and "reliability-aware
retraining".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq.core import BitFlips, Encoding, QuantizedModel, seeds
from resq.core.errors import ResqError
from resq.memory import bits
from resq.training import average
from resq.training.stages.bpfc import coarsened
from resq.training.train import Objective
from resq.training.tuning import device_quant, fake_quant, vulnerability
from resq.training.tuning.finetune import Order, finetune, squared_distance
from resq.training.tuning.movers import moved
from resq.training.tuning.soft_targets import TEACHING, SoftTargets, labels, passes, soft_targets
from resq.training.tuning.stage import TRAINING, Options, Stage, StageInput, StageResult
from resq.training.tuning.stage_eval import network_with

DEFAULTS = {
    **TRAINING,
    **TEACHING,
    "lr": 0.01,
    "encoding": "int8",
    "rate": 0.01,  # bit error rate of the faulty pass, per stored bit
    "clip": 0.05,  # bound of each element of the faulty cross-entropy's gradient
    "begin": 1.75,  # faults come once the clean cross-entropy is below this (for ten classes)
    "w_max": 0.0,  # weights are cut to +-w_max after every step; 0: not
    "w_sigma": 0.0,  # ... to so many standard deviations of their layer at the start; 0: not
    "keep_bpfc": 0.0,  # weight of the BPFC term, so that a stage before is not forgotten
    "keep_eps": 0.0,  # budget in 1/255 of an attack that moves all images, for the same purpose
    "keep_steps": 1,  # more: so many steps of PGD, each keep_step long in 1/255
    "keep_step": 5.0,
    "planes": 5,
    "guided": 0.0,  # 0: one rate for all layers; 1: in proportion to each layer's vulnerability
    "reliability": 0.0,  # how many times more often an image is drawn whose answer always flips
    "recount": 2000,  # clean images from which batch norms take their statistics at the end; 0: not
}

Draw = Callable[[QuantizedModel, np.random.Generator], BitFlips]


def bit_error(site: StageInput, options: Options) -> StageResult:
    """The network after epochs with a fresh fault map in every step.

    Raises:
        ValueError: a rate above 0.5, or guided outside 0..1.
    """
    rate, share = options["rate"], options["guided"]
    if rate > 0.5 or share > 1:
        raise ResqError(f"bit_error takes rate in 0..0.5 and guided in 0..1, got {rate:g} and {share:g}")
    names, draw = site.checkpoint.weights, _draw(site, options)
    result = finetune(
        site,
        options,
        lambda run: objective(names, options, draw, len(site.train.classes), soft_targets(site, options)),
        stepped=clipping(site, options),
        order=_order(site, options),
    )
    return counted_anew(site, options, result)


def objective(
    names: tuple[str, ...], options: Options, draw: Draw, classes: int, aim: SoftTargets = labels
) -> Objective:
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
        wanted = aim(x, y)
        if options["keep_eps"]:
            x = moved(network, x, y, _short_attack(options), rng)
        values, faulty_values = memory(body, names, encoding, draw, rng)
        logits = fake_quant.call_with(network, x, values)
        total = F.cross_entropy(logits, wanted)
        if float(total.detach()) < begin:
            with fake_quant.frozen_norms(network):
                faulty = fake_quant.call_with(network, x, faulty_values(), limit)
            total = (total + F.cross_entropy(faulty, wanted)) / 2
        if keep:
            coarse = fake_quant.call_with(network, coarsened(x, options["planes"], rng), values)
            total = total + keep * squared_distance(logits, coarse)
        return total, logits

    return loss


def _short_attack(options: Options) -> Options:
    """The attack of the stage before, in short: one FGSM step, or as many steps of PGD as asked."""
    return {"steps": options["keep_steps"], "eps": options["keep_eps"], "step": options["keep_step"]}


def memory(
    body: nn.Module, names: tuple[str, ...], encoding: Encoding, draw: Draw, rng: np.random.Generator
) -> tuple[dict[str, Tensor], Callable[[], dict[str, Tensor]]]:
    """What the stored weights are read as, and what reads them with a fresh fault map.

    Tensors are float32 in the shape of the weight of that name.
    """
    where = next(body.parameters()).device
    if where.type != "cpu" and isinstance(draw, AtRates) and device_quant.supports(encoding, len(names)):
        close = device_quant.quantize_weights(body, names, encoding)
        generator = torch.Generator(where).manual_seed(int(rng.integers(2**62)))
        return {n: w.read() for n, w in close.items()}, lambda: device_quant.flipped(
            close, draw.rates, generator
        )
    model = fake_quant.quantize_weights(body, names, encoding)
    values, flips = fake_quant.read(body, model), draw(model, rng)
    return values, lambda: fake_quant.flipped(body, model, values, flips)


@dataclass(frozen=True)
class AtRates:
    """Draws every stored bit of a layer with the layer's own probability."""

    rates: list[float]

    def __call__(self, model: QuantizedModel, rng: np.random.Generator) -> BitFlips:
        """A fresh fault map of these words."""
        starts = model.layout.starts
        rates = [self.rates[owner] for owner in model.layout.owners]  # a layer's guard is struck as it is
        spans = zip(np.diff(starts), rates, strict=True)
        at = [starts[i] + bits.sparse(int(n), rate, rng) for i, (n, rate) in enumerate(spans)]
        addresses = np.concatenate(at)
        return BitFlips(addresses, np.zeros(len(addresses)))


def _draw(site: StageInput, options: Options) -> AtRates:
    """The fault maps: i.i.d. at one rate, or layer by layer at rates that vulnerability decides."""
    rate = float(options["rate"])
    if not options["guided"]:
        return AtRates([rate] * len(site.checkpoint.weights))
    harm = vulnerability.layers(site, Encoding.parse(options["encoding"]), rate)
    sizes = [site.checkpoint.state[name].size for name in site.checkpoint.weights]
    return AtRates(by_vulnerability(harm, sizes, rate, options["guided"]))


def by_vulnerability(harm: np.ndarray, sizes: list[int], rate: float, share: float) -> list[float]:
    """Rates per layer: ``share`` of all expected flips in proportion to harm x size, the rest evenly.

    ``harm`` is float64 (layers,); rates are probabilities per stored bit.

    The expected number of flips stays that of ``rate`` unless a layer's rate would exceed 0.5.

    >>> by_vulnerability(np.array([3.0, 1.0]), [10, 10], 0.01, 1.0)
    [0.015, 0.005]
    """
    mean = float(np.average(harm, weights=sizes))
    relative = harm / mean if mean > 0 else np.ones(len(harm))
    return [float(min(0.5, rate * (1 - share + share * r))) for r in relative]


def clipping(site: StageInput, options: Options) -> Callable[[nn.Module], None] | None:
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

    ``weight`` is float32 of any shape.

    >>> bound(np.array([-1.0, 1.0]), {"w_max": 0.0, "w_sigma": 2.5})
    2.5
    """
    wide = float(options["w_max"]) or math.inf
    return min(wide, float(options["w_sigma"]) * float(weight.std()) or math.inf)


def _order(site: StageInput, options: Options) -> Order | None:
    """Images drawn with replacement, more often where faults flip their answer; None: each one once."""
    if not options["reliability"]:
        return None
    unsteady = vulnerability.images(site, Encoding.parse(options["encoding"]), options["rate"])
    often = 1 + options["reliability"] * unsteady
    return lambda epoch, rng: rng.choice(len(often), len(often), p=often / often.sum())


def counted_anew(site: StageInput, options: Options, result: StageResult) -> StageResult:
    """The outcome with batch-norm statistics counted anew where asked for, the weights as stored."""
    if result.notes["rolled_back"] or not options["recount"]:
        return result
    encoding = Encoding.parse(options["encoding"])
    return replace(result, state=recounted(site, dict(result.state), encoding, options["recount"]))


def recounted(
    site: StageInput, state: dict[str, np.ndarray], encoding: Encoding, n: int
) -> dict[str, np.ndarray]:
    """``state`` with batch-norm statistics from ``n`` training images, its weights read from words."""
    checkpoint = site.checkpoint
    network = network_with(checkpoint, state, encoding)
    order = seeds.rng(site.seed, "recount").permutation(len(site.train))[:n]
    pixels = torch.from_numpy(np.ascontiguousarray(site.train.pixels[order]))
    average.update_batchnorm(network, pixels.split(250))
    counted = {k: v.cpu().numpy() for k, v in network.body.state_dict().items()}
    return {k: state[k] if k in checkpoint.weights else counted[k] for k in state}


def passes_of(options: Options) -> float:
    """Passes per image and step: stored, flipped, and those of what a stage before is kept with."""
    keeping = (options["keep_bpfc"] > 0) + (options["keep_eps"] > 0) * options["keep_steps"]
    return 2.0 + keeping + passes(options)


STAGE = Stage("training while bits of the stored weights flip", bit_error, DEFAULTS, passes_of)
