"""Several hardened checkpoints in one TOML file: each a plan, some going on from others of the list."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from resq.learn.presets import Plan, plan

FIELDS = ("base", "preset", "images", "seed", "options", "checkpoint")
OWN = ("variant", "base", "preset", "stages", "images", "seed", "options")


def read(file: Path) -> list[Plan]:
    """The plans of a file, in its order: what the file says at its top holds for every ``[[checkpoint]]``.

    ``base``, ``preset`` (quick by default), ``images`` and ``seed`` may stand in both; options, by stage,
    are joined, the checkpoint's own over the file's.

    Raises:
        ValueError: not TOML, an unknown field, or a plan that cannot run; the sentence names it.
    """
    try:
        fields = tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a readable TOML list of checkpoints: {error}") from None
    _check(file, fields, FIELDS)
    if not fields.get("checkpoint"):
        raise ValueError(f"{file.name} lists no [[checkpoint]]")
    return [_plan(file, fields, own) for own in fields["checkpoint"]]


def _plan(file: Path, fields: dict[str, Any], own: dict[str, Any]) -> Plan:
    _check(file, own, OWN)
    given = {**fields, **own}
    lacking = [name for name in ("variant", "base", "stages") if not given.get(name)]
    if lacking:
        raise ValueError(f"{file.name} has a checkpoint without {' and '.join(lacking)}")
    shared, special = fields.get("options", {}), own.get("options", {})
    joined = {stage: {**shared.get(stage, {}), **special.get(stage, {})} for stage in given["stages"]}
    strange = sorted(set(special) - set(joined))
    if strange:
        raise ValueError(f"{given['variant']} sets options of {strange[0]}, which it does not run")
    return plan(
        given["base"],
        given.get("preset", "quick"),
        only=given["stages"],
        changes=joined,
        seed=given.get("seed", 0),
        variant=given["variant"],
        images=given.get("images", 0),
    )


def _check(file: Path, fields: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise ValueError(f"{file.name} has {', '.join(unknown)}; known: {', '.join(known)}")
