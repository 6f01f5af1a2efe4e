"""The stages of hardening. Add one: a file with a ``STAGE`` and a line in STAGES.

A stage takes a checkpoint to a checkpoint; ``resq.training.harden`` strings them together. Which stages run
in which order with which options is a preset: a TOML file in assets/specs/presets.
"""

from __future__ import annotations

from resq.core import registries
from resq.training.stages import (
    adversarial,
    bit_error,
    bpfc,
    clean,
    flat,
    margin,
    mixup,
    multi_rate,
    quantize,
)
from resq.training.tuning.stage import Stage

STAGES: dict[str, Stage] = {
    "clean": clean.STAGE,
    "mixup": mixup.STAGE,
    "bpfc": bpfc.STAGE,
    "adversarial": adversarial.STAGE,
    "bit_error": bit_error.STAGE,
    "multi_rate": multi_rate.STAGE,
    "margin": margin.STAGE,
    "flat": flat.STAGE,
    "quantize": quantize.STAGE,
}
registries.note("stage", STAGES)
