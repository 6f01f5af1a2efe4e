"""Several hardened checkpoints in one TOML file: each a plan, some going on from others of the list."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resq.core import validation
from resq.core.errors import ResqError
from resq.training.presets import Plan, plan


@dataclass(frozen=True)
class _Entry:
    """One checkpoint of a list as it is written; what it lacks the file's top may say."""

    variant: str = ""
    base: str = ""
    preset: str = "quick"
    stages: tuple[str, ...] = ()
    images: int = 0
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """A list of checkpoints as it is written."""

    base: str = ""
    preset: str = "quick"
    images: int = 0
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    checkpoint: tuple[dict[str, Any], ...] = ()


def read(file: Path) -> list[Plan]:
    """The plans of a file, in its order: what the file says at its top holds for every ``[[checkpoint]]``.

    ``base``, ``preset`` (quick by default), ``images`` and ``seed`` may stand in both; options, by stage,
    are joined, the checkpoint's own over the file's.

    Raises:
        ResqError: not TOML, an unknown field, or a plan that cannot run; the sentence names it.
    """
    contents = validation.read_toml(file, "list of checkpoints")
    top = validation.build(_File, contents, file.name, "a list of checkpoints")
    if not top.checkpoint:
        raise ResqError(f"{file.name} lists no [[checkpoint]]")
    shared = {k: v for k, v in contents.items() if k not in ("options", "checkpoint")}
    listed = validation.check_tables(list(top.checkpoint), f"{file.name}: checkpoint")
    return [_plan(file, shared, _options(file, top.options), own) for own in listed]


def _plan(file: Path, top: dict[str, Any], shared: dict[str, Any], own: dict[str, Any]) -> Plan:
    entry = validation.build(_Entry, {**top, **own}, file.name, "a checkpoint of a list")
    lacking = [name for name in ("variant", "base", "stages") if not getattr(entry, name)]
    if lacking:
        raise ResqError(f"{file.name} has a checkpoint without {' and '.join(lacking)}")
    special = _options(file, entry.options)
    joined = {stage: {**shared.get(stage, {}), **special.get(stage, {})} for stage in entry.stages}
    strange = sorted(set(special) - set(joined))
    if strange:
        raise ResqError(f"{entry.variant} sets options of {strange[0]}, which it does not run")
    return plan(
        entry.base,
        entry.preset,
        only=entry.stages,
        changes=joined,
        seed=entry.seed,
        variant=entry.variant,
        images=entry.images,
    )


def _options(file: Path, by_stage: Any) -> dict[str, dict[str, Any]]:
    """Options by stage; each stage's are a table."""
    if not isinstance(by_stage, dict):
        raise ResqError(f"{file.name}: options stand in tables by stage, got {by_stage!r}")
    validation.check_tables(list(by_stage.values()), f"{file.name}: options of a stage")
    return by_stage
