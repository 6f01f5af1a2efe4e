"""Bit-error training at a rate of its own in every step, from rare flips to many."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from resq.core import BitFlips, QuantizedModel
from resq.core.errors import ResqError
from resq.training.stages import bit_error
from resq.training.tuning.finetune import finetune
from resq.training.tuning.soft_targets import soft_targets
from resq.training.tuning.stage import Options, Stage, StageInput, StageResult

DEFAULTS = {
    **{name: value for name, value in bit_error.DEFAULTS.items() if name not in ("guided", "reliability")},
    "least": 1e-3,  # the smallest rate; the largest is ``rate``
    "rate": 0.05,
}


def multi_rate(site: StageInput, options: Options) -> StageResult:
    """The network after epochs with a fresh rate and a fresh fault map in every step.

    Raises:
        ValueError: rates that are none, above 0.5, or in the wrong order.
    """
    least, most = options["least"], options["rate"]
    if not 0 < least < most <= 0.5:
        raise ResqError(f"multi_rate takes 0 < least < rate <= 0.5, got {least:g} and {most:g}")
    names, classes = site.checkpoint.weights, len(site.train.classes)
    draw, aim = AnyRate(float(least), float(most), len(names)), soft_targets(site, options)
    result = finetune(
        site,
        options,
        lambda run: bit_error.objective(names, options, draw, classes, aim),
        stepped=bit_error.clipping(site, options),
    )
    return bit_error.counted_anew(site, options, result)


@dataclass(frozen=True)
class AnyRate:
    """Draws a rate evenly over its logarithm, then every stored bit with it."""

    least: float
    most: float
    layers: int

    def __call__(self, model: QuantizedModel, rng: np.random.Generator) -> BitFlips:
        """A fresh fault map of these words."""
        rate = math.exp(rng.uniform(math.log(self.least), math.log(self.most)))
        return bit_error.AtRates([rate] * self.layers)(model, rng)


STAGE = Stage(
    "training while bits flip, rarely in one step and often in the next",
    multi_rate,
    DEFAULTS,
    bit_error.passes_of,
)
