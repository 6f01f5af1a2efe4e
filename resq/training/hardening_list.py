"""Several hardened checkpoints in one TOML file: each a plan, some going on from others of the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resq.core import validation
from resq.core.errors import ResqError
from resq.training.presets import Plan, plan

FIELDS = ("base", "preset", "images", "seed", "options", "checkpoint")
OWN = ("variant", "base", "preset", "stages", "images", "seed", "options")


def read(file: Path) -> list[Plan]:
    """The plans of a file, in its order: what the file says at its top holds for every ``[[checkpoint]]``.

    ``base``, ``preset`` (quick by default), ``images`` and ``seed`` may stand in both; options, by stage,
    are joined, the checkpoint's own over the file's.

    Raises:
        ValueError: not TOML, an unknown field, or a plan that cannot run; the sentence names it.
    """
    top = validation.read_toml(file, "list of checkpoints")
    validation.reject_unknown(top, FIELDS, file.name, "a list of checkpoints")
    if not top.get("checkpoint"):
        raise ResqError(f"{file.name} lists no [[checkpoint]]")
    listed = validation.check_tables(top["checkpoint"], f"{file.name}: checkpoint")
    return [_plan(file, top, own) for own in listed]


def _plan(file: Path, top: dict[str, Any], own: dict[str, Any]) -> Plan:
    validation.reject_unknown(own, OWN, file.name, "a checkpoint of a list")
    given = {**top, **own}
    lacking = [name for name in ("variant", "base", "stages") if not given.get(name)]
    if lacking:
        raise ResqError(f"{file.name} has a checkpoint without {' and '.join(lacking)}")
    stages = given["stages"]
    if not isinstance(stages, list) or not all(isinstance(stage, str) for stage in stages):
        raise ResqError(f"{file.name}: stages are names in a list, got {stages!r}")
    shared, special = _options(file, top), _options(file, own)
    joined = {stage: {**shared.get(stage, {}), **special.get(stage, {})} for stage in stages}
    strange = sorted(set(special) - set(joined))
    if strange:
        raise ResqError(f"{given['variant']} sets options of {strange[0]}, which it does not run")
    return plan(
        given["base"],
        given.get("preset", "quick"),
        only=stages,
        changes=joined,
        seed=given.get("seed", 0),
        variant=given["variant"],
        images=given.get("images", 0),
    )


def _options(file: Path, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Options by stage; each stage's are a table."""
    found = given.get("options", {})
    if not isinstance(found, dict):
        raise ResqError(f"{file.name}: options stand in tables by stage, got {found!r}")
    validation.check_tables(list(found.values()), f"{file.name}: options of a stage")
    return found
