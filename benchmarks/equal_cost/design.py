"""What is trained and judged, as a TOML file says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from resq.core import validation
from resq.core.errors import ResqError
from resq.measure.specs.sweep_spec import SweepSpec
from resq.training.presets import Plan
from resq.training.stages import STAGES
from resq.training.tuning.stage import options
from resq.training.tuning.stage_eval import EvalConfig

LITTLE = EvalConfig(n=100, attacked=50, maps=1, steps=3)  # what a card wants to know; it decides nothing


@dataclass(frozen=True)
class Run:
    """One method: its options, training images of an epoch, and seeds from 0."""

    name: str
    images: int
    options: Mapping[str, Any]
    seeds: int = 1


@dataclass(frozen=True)
class Design:
    """Which runs there are, and how each is judged.

    Attributes:
        base: the checkpoint that every run goes on from.
        n, steps: test images, clean and under PGD of so many steps, 8/255.
        strong: test images under AutoAttack.
        shared: options of all runs.
    """

    base: str
    encoding: str = "int8"
    n: int = 1000
    steps: int = 50
    strong: int = 100
    shared: Mapping[str, Any] = field(default_factory=dict)
    run: tuple[Run, ...] = ()

    @property
    def hash(self) -> str:
        """16 hex digits of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def cells(self) -> Iterator[tuple[Run, int]]:
        """(run, seed) in the order of the work: every method once, then further seeds."""
        for seed in range(max(run.seeds for run in self.run)):
            yield from ((run, seed) for run in self.run if seed < run.seeds)

    def options(self, run: Run) -> dict[str, Any]:
        """All options of a run's stage."""
        return options("adversarial", STAGES, {**self.shared, **run.options})

    def passes(self, run: Run) -> float:
        """Passes forward and back, of one image each, that the run takes."""
        own = self.options(run)
        return STAGES["adversarial"].passes(own) * own["epochs"] * run.images

    def plan(self, run: Run, seed: int) -> Plan:
        """The run as hardening understands it."""
        stages = (("adversarial", self.options(run)),)
        return Plan(self.base, self.named(run, seed), stages, "equal-cost", run.images, seed, LITTLE)

    def named(self, run: Run, seed: int) -> str:
        """The checkpoint's name, such as cifar10/resnet18/equal-pgd-2-s0."""
        return f"{self.base.rpartition('/')[0]}/equal-{run.name}-s{seed}"

    def specs(self, weights: Path) -> tuple[SweepSpec, SweepSpec]:
        """Clean and under PGD; and under AutoAttack."""
        pgd = SweepSpec(
            str(weights), encoding=self.encoding, bers=(0.0,), eps=(8.0,), steps=self.steps, n=self.n
        )
        strong = SweepSpec(
            str(weights), encoding=self.encoding, attack="autoattack", eps=(8.0,), n=self.strong
        )
        return pgd, strong


def read(file: Path) -> Design:
    """The design of a TOML file; ``about`` is for people.

    Raises:
        ValueError: not TOML, or a field that there is not; the sentence names it.
    """
    written = {k: v for k, v in validation.read_toml(file, "design").items() if k != "about"}
    runs = validation.check_tables(written.pop("run", []), f"{file.name}: run")
    if not runs:
        raise ResqError(f"{file.name} names no [[run]]; each has a name, images and options")
    made = tuple(validation.build(Run, one, file.name, "a run") for one in runs)
    return validation.build(Design, {**written, "run": made}, file.name, "a design")
