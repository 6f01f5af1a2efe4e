"""What each shipped spec is read as, as a hash: ``python -m tests.spec_hashes`` prints them.

The recorded ones lie in spec_hashes.json; a spec whose hash changes there would no longer fit what it made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.equal_cost import design
from dashboard.model import lessons
from resq.claims import registry
from resq.core.paths import ROOT
from resq.measure.specs import campaign, sweep_spec
from resq.training import hardening_list, presets, recipe, study

SPECS = ROOT / "assets" / "specs"
RECORDED = Path(__file__).with_suffix(".json")


def _repr(value: object) -> str:
    return hashlib.sha256(json.dumps(_tree(value), sort_keys=True).encode()).hexdigest()[:16]


def _tree(value: Any) -> Any:
    """Values as JSON has them; a whole number and the float that is equal to it are the same."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _tree(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tree(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def hashes() -> dict[str, str]:
    """Path below the project -> 16 hex digits of everything that was read from it."""
    read = {
        "adversarial": lambda file: design.read(file).hash,
        "asymmetry": lambda file: study.read(file).hash,
        "recipes": lambda file: recipe.read(file).hash,
        "campaigns": lambda file: campaign.read(file).hash,
        "presets": lambda file: _repr(presets.read(file)),
        "hardened": lambda file: _repr([plan.hash for plan in hardening_list.read(file)]),
        "sweeps": lambda file: _repr([spec.hash for spec in sweep_spec.read(file)]),
    }
    made = {file: read[file.parent.name](file) for file in sorted(SPECS.glob("*/*.toml"))}
    made |= {file: _repr(registry.read(file)) for file in sorted(registry.CLAIMS.glob("*.toml"))}
    made |= {file: _repr(lessons.read(file)) for file in sorted(lessons.FOLDER.glob("*.toml"))}
    return {file.relative_to(ROOT).as_posix(): value for file, value in made.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(hashes(), indent=1) + "\n")
