"""Measures what a card needs, by its fixed protocol, and writes the card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resq.claims import card
from resq.core import json_text
from resq.core.files import write_text
from resq.measure.run.adversary import checked_attack
from resq.measure.run.campaign import missing_cells
from resq.measure.run.sweep import code_of, images_there
from resq.measure.specs import cells
from resq.measure.specs.sweep_spec import SweepSpec

Tell = Callable[[str], None]


def written(
    checkpoint: str, encoding: str, n: int, maps: int, whole: bool, watch: missing_cells.Watch, tell: Tell
) -> Path:
    """The card's file; what is stored is not measured again, so a killed run goes on where it was.

    Args:
        n: test images of faults and attacks.
        maps: fault maps.
        whole: measure the network without faults on the whole test split too.
        watch: sees the rows pass, to tell progress.
        tell: given a sentence before the part that takes long.
    """
    every = images_there(SweepSpec(checkpoint, encoding=encoding)) if whole else None
    specs = card.protocol(checkpoint, encoding, n, maps, every)
    wanted = [cell for spec in specs for cell in spec.cells()]
    keys = dict(zip(cells.keys(wanted), wanted, strict=True))
    frame, _ = missing_cells.completed(keys, watch=watch)
    checks = _checks(card.guarded(checkpoint, encoding, n), tell)
    return card.write(frame.to_dict("records"), checks)  # type: ignore[arg-type]


def _checks(spec: SweepSpec, tell: Tell) -> dict[str, Any]:
    """The checks of the attack, measured once for these weights and this code."""
    made_of = json.dumps(
        [spec.hash, cells.weights_of(spec.checkpoint), code_of(spec.cells()), card.attacks()]
    )
    file = card.folder("guards") / f"{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.json"
    if file.is_file():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    tell(f"guards: ten signs on {spec.n} images")
    result = checked_attack.checked(spec)
    write_text(file, json_text.dumps(result))
    return result
