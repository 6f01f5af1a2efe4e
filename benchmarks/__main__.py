"""``python -m benchmarks``: the engine against its limits and against other libraries, in one run.

Absolute times depend on the machine and on what else it does, so what is compared is measured in turn and
given as a ratio. The last line is JSON: name -> value, target, unit, met, and what was compared. Add a
comparison: a function ``quick -> {name: figure}`` in a file of its own, a line in COMPARISONS.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import torch

from benchmarks import attacks, injectors, limit, width
from benchmarks.timing import Figure

COMPARISONS: dict[str, Callable[[bool], dict[str, Figure]]] = {
    "draws": limit.draws,
    "campaign": limit.campaign,
    "injectors": injectors.compare,
    "width": width.two_stage,
    "pgd": attacks.pgd20,
}


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    options.add_argument(
        "--only", action="append", choices=COMPARISONS, help="this comparison; may be repeated"
    )
    options.add_argument(
        "--quick", action="store_true", help="few images and turns: whether it runs, no figures"
    )
    return options


def line(name: str, found: Figure) -> str:
    """A figure for people."""
    value = "not measured" if found["value"] is None else f"{found['value']:g} {found['unit']}"
    state = "met" if found["met"] else "NOT met"
    note = f"; {found['note']}" if "note" in found else ""
    return f"{name}: {value} ({found['goal']} {found['target']:g}: {state}{note})"


def main() -> None:
    """Prints one line per figure, then all of them as JSON."""
    arguments = parser().parse_args()
    torch.set_grad_enabled(False)
    found: dict[str, Figure] = {}
    for name in arguments.only or COMPARISONS:
        for title, value in COMPARISONS[name](arguments.quick).items():
            found[title] = value
            print(line(title, value), flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
