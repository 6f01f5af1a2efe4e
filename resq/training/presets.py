"""Presets and plans: which stages run on which checkpoint, in which order, with which options."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resq.core import lookup, validation
from resq.core.errors import ResqError
from resq.core.paths import ASSETS
from resq.training.stages import STAGES
from resq.training.tuning.stage import decisive, options
from resq.training.tuning.stage_eval import EvalConfig

FOLDER = ASSETS / "specs" / "presets"


@dataclass(frozen=True, eq=False)
class Preset:
    """A named list of stages with their options.

    Attributes:
        images: how many training images are used; 0: all.
    """

    name: str
    about: str
    stages: tuple[tuple[str, Mapping[str, Any]], ...]
    images: int = 0

    def __post_init__(self) -> None:
        validation.check_types(self, "preset")


@dataclass(frozen=True)
class _File:
    """A preset as it is written."""

    stage: tuple[dict[str, Any], ...] = ()
    about: str = ""
    images: int = 0


def read(file: Path) -> Preset:
    """The preset in a TOML file: ``about``, ``images`` and a list of ``[[stage]]`` with name and options.

    Raises:
        ValueError: not TOML, or a stage or option that there is not; the sentence names it.
    """
    written = validation.build(_File, validation.read_toml(file, "preset"), file.name, "a preset")
    if not written.stage:
        raise ResqError(f"{file.name} names no [[stage]]")
    stages = []
    for stage in validation.check_tables(list(written.stage), f"{file.name}: stage"):
        name, own = str(stage.get("name", "")), {k: v for k, v in stage.items() if k != "name"}
        options(name, STAGES, own)
        stages.append((name, own))
    return Preset(file.stem, written.about, tuple(stages), written.images)


PRESETS: dict[str, Preset] = {file.stem: read(file) for file in sorted(FOLDER.glob("*.toml"))}


@dataclass(frozen=True, eq=False)
class Plan:
    """A hardening run, every input that decides it.

    Attributes:
        base: name of the checkpoint to start from; ``result`` the name of the one to make.
        stages: (name, all options) in order.
        images: training images used, validation aside; 0: all.
    """

    base: str
    result: str
    stages: tuple[tuple[str, dict[str, Any]], ...]
    preset: str = ""
    images: int = 0
    seed: int = 0
    look: EvalConfig = field(default_factory=EvalConfig)

    def __post_init__(self) -> None:
        validation.check_types(self, "plan")

    @property
    def origin(self) -> str:
        """The base as cards name it: of a file its name alone, for its folder is one machine's.

        >>> Plan("cifar10/resnet18/base", "", ()).origin, Plan("/home/me/mine.safetensors", "", ()).origin
        ('cifar10/resnet18/base', 'mine.safetensors')
        """
        return Path(self.base).name if self.base.endswith(".safetensors") else self.base

    @property
    def hash(self) -> str:
        """16 hex digits that change with anything that decides the result, on every machine the same."""
        stages = [(name, decisive(chosen)) for name, chosen in self.stages]
        of = json.dumps([self.origin, stages, self.images, self.seed, dataclasses.asdict(self.look)])
        return hashlib.sha256(of.encode()).hexdigest()[:16]

    @property
    def epochs(self) -> int:
        """Epochs of all stages; one that does not train counts as one."""
        return sum(o.get("epochs", 1) for _, o in self.stages)


def plan(
    base: str,
    preset: str,
    *,
    only: Sequence[str] = (),
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    epochs_scale: float = 1.0,
    seed: int = 0,
    variant: str = "",
    images: int | None = None,
    look: EvalConfig | None = None,
) -> Plan:
    """What a command line asks for, checked whole before anything runs.

    Args:
        preset: a name, or the path of a TOML file.
        only: these stages in this order: the preset's options where it has the stage, else the defaults.
        changes: options by stage, over those of the preset.
        epochs_scale: every stage's epochs times this, at least 1.

    Raises:
        ValueError: an unknown preset, stage or option, or a scale that is not positive.
    """
    if not (isinstance(base, str) and isinstance(preset, str)):
        raise ResqError(f"base and preset are names, got {base!r} and {preset!r}")
    if not epochs_scale > 0:
        raise ResqError(f"epochs are scaled by a positive number, got {epochs_scale:g}")
    chosen = read(Path(preset)) if preset.endswith(".toml") else lookup("preset", preset, PRESETS)
    own = dict(chosen.stages)
    listed = [(name, own.get(name, {})) for name in only] if only else list(chosen.stages)
    strange = sorted(set(changes or {}) - {name for name, _ in listed})
    if strange:
        raise ResqError(f"stage {strange[0]} is not among those that run: {', '.join(n for n, _ in listed)}")
    stages = []
    for name, stage_options in listed:
        full = options(name, STAGES, {**stage_options, **(changes or {}).get(name, {})})
        if "epochs" in full:
            full["epochs"] = max(1, round(full["epochs"] * epochs_scale))
        stages.append((name, options(name, STAGES, full)))
    result = f"{base.rpartition('/')[0]}/{variant or chosen.name}"
    used = chosen.images if images is None else images
    return Plan(base, result, tuple(stages), chosen.name, used, seed, look or EvalConfig())
