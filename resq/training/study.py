"""What decides an asymmetry study: one frozen value, written down as a TOML file before its runs begin."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resq.core import Encoding, lookup, validation
from resq.core.errors import ResqError
from resq.measure.analysis import areas
from resq.measure.analysis.asymmetry import MODEL, MODELS
from resq.measure.specs.cells import PRECISIONS
from resq.training.stages import STAGES
from resq.training.tuning.stage import options

JUDGED_ON = {"test": "", "held-out": "-held-out"}


@dataclass(frozen=True)
class Study:
    """Every input that decides an asymmetry study.

    Attributes:
        base: the checkpoint that all networks of all seeds go on from; or, as DATA/NETWORK/VARIANT, the
            recipe by which every seed trains a base of its own from a random start, where ``recipe`` is true.
        recipe: whether each seed has a base of its own. What is replicated is then the whole training; with
            one shared base it is the fine-tuning alone. Such bases learn nothing from held-out images.
        base_epochs: of those bases; 0: the recipe's own.
        seeds: how many; each trains its own four networks.
        epochs: more epochs of every network, even: AF spends half of them on each of the two.
        images: training images of an epoch; 0: all but the held-out ones.
        attack: the stage of A, ``adversarial`` (one FGSM step from a random start) or ``bpfc``.
        rate: bit error rate that F is trained under, in ``encoding``.
        w_sigma: F's weights are cut to so many standard deviations of their layer; 0: not.
        a, f: further options of the stages of A and F, by name.
        n, maps, steps: test images, fault maps and PGD steps of the measurement.
        bers: rates of R_F, ascending; they include ``areas.BERS``.
        first: the first seed's number, so that a confirming study has none of its pilot's.
        bf16: whether passes of the four networks are in bfloat16 where a measurement finds that faster, as
            those of the bases always are; weights stay in float32.
        precision: of forward passes under faults alone, "fp32" or "bf16", as a sweep's.
        more: further networks, by a short name: the ``stage`` that makes each, and options of it. They go on
            from the same bases for as many epochs, and stand beside A and F.
        on: "test", or "held-out": training images that nothing learned from, for a pilot.
    """

    base: str
    seeds: int = 5
    epochs: int = 2
    images: int = 1600
    batch: int = 32
    lr: float = 0.02
    attack: str = "adversarial"
    rate: float = 0.02
    w_sigma: float = 0.0
    encoding: str = "int8"
    n: int = 160
    maps: int = 5
    steps: int = 7
    recipe: bool = False
    base_epochs: int = 0
    a: Mapping[str, Any] = field(default_factory=dict)
    f: Mapping[str, Any] = field(default_factory=dict)
    bers: tuple[float, ...] = areas.BERS
    first: int = 0
    on: str = "test"
    bf16: bool = False
    precision: str = "fp32"
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        validation.check_types(self, "study")
        if self.seeds < 1:
            raise ResqError(f"a study needs at least 1 seed, got {self.seeds}")
        if self.epochs < 2 or self.epochs % 2:
            raise ResqError(f"epochs must be even, half for each half of AF, got {self.epochs}")
        if self.attack not in ("adversarial", "bpfc"):
            raise ResqError(f"A is trained by adversarial or bpfc, got {self.attack!r}")
        lookup("kind of images", self.on, JUDGED_ON)
        lookup("precision", self.precision, dict.fromkeys(PRECISIONS))
        Encoding.parse(self.encoding)
        for model in ("a", "f", *self.more):
            options(self.stage(model), STAGES, self.own(model))
        if missing := [ber for ber in areas.BERS if ber not in self.bers]:
            raise ResqError(f"R_F needs the rates {', '.join(map(str, areas.BERS))}; lacking {missing[0]:g}")
        if self.base_epochs and not self.recipe:
            raise ResqError("base_epochs are those of bases that each seed trains; say recipe = true")

    def stage(self, model: str) -> str:
        """The stage that makes A, F or a further network.

        Raises:
            ValueError: a further network's name, or its stage, is none.
        """
        if model not in self.more:
            return self.attack if model == "a" else "bit_error"
        if not re.fullmatch(MODEL, model) or model in MODELS:
            raise ResqError(
                f"a further network has a name of small letters and digits, none of {', '.join(MODELS)}; "
                f"got {model!r}"
            )
        return str(self.more[model].get("stage", ""))

    def own(self, model: str) -> dict[str, Any]:
        """The options of a network that are its own."""
        given = self.more[model] if model in self.more else getattr(self, model)
        return {name: value for name, value in given.items() if name != "stage"}

    @property
    def hash(self) -> str:
        """16 hex digits of what decides 00, A, F and AF and their rows; which seeds are run does not.

        Nor do further networks beside them, which have ``hash_of`` as well. What was not an option once is
        left out at its default: earlier studies keep their hash.
        """
        decisive = {k: v for k, v in dataclasses.asdict(self).items() if k not in ("seeds", "first", "more")}
        for later in (
            "w_sigma",
            "recipe",
            "base_epochs",
            "a",
            "f",
            "bers",
            "on",
            "bf16",
            "precision",
        ):
            if decisive[later] == getattr(Study(self.base), later):
                del decisive[later]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]

    def hash_of(self, model: str) -> str:
        """8 hex digits of what decides a further network beside the study's hash; "" of the four."""
        if model not in self.more:
            return ""
        return hashlib.sha256(json.dumps(dict(self.more[model]), sort_keys=True).encode()).hexdigest()[:8]

    @property
    def cells(self) -> list[tuple[str, int]]:
        """(model, seed) in the order of the work: what Lambda needs first, then AF, then further ones."""
        each = range(self.first, self.first + self.seeds)
        needed = [(model, seed) for seed in each for model in ("00", "a", "f")]
        return needed + [(model, seed) for model in ("af", *self.more) for seed in each]


def read(file: Path) -> Study:
    """The study that a TOML file describes; ``about`` says what was decided, and from what.

    Raises:
        ValueError: not TOML, an unknown field, or a value out of range; the sentence names it.
    """
    contents = {k: v for k, v in validation.read_toml(file, "study").items() if k != "about"}
    if "base" not in contents:
        names = ", ".join(one.name for one in dataclasses.fields(Study))
        raise ResqError(f"{file.name} names no base; a study has {names}")
    return validation.build(Study, contents, file.name, "a study")
