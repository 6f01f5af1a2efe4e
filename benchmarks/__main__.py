"""``python -m benchmarks``: the engine against its limits and against other libraries, in one run.

Absolute times depend on the machine and on what else it does, so what is compared is measured in turn and
given as a ratio. The last line is JSON: name -> value, target, unit, met, and what was compared. Add a
comparison: a function ``quick -> {name: figure}`` in a file of its own, a line in COMPARISONS.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch

from benchmarks import attacks, deployed, injectors, layers, limit, steps
from benchmarks.engine import facade, store, width, workers
from benchmarks.timing import Figure, figure, lines
from resq.platform import malloc

COMPARISONS: dict[str, Callable[[bool], dict[str, Figure]]] = {
    "draws": limit.draws,
    "campaign": limit.campaign,
    "injectors": injectors.compare,
    "width": width.two_stage,
    "pgd": attacks.pgd20,
    "heatmap": layers.compare,
    "workers": workers.two,
    "store": store.queries,
    "steps": steps.compare,
    "deployed": deployed.maps,
    "facade": facade.compare,
}


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    options.add_argument("--only", nargs="+", choices=COMPARISONS, help="these comparisons")
    options.add_argument(
        "--quick", action="store_true", help="few images and turns: whether it runs, no figures"
    )
    return options


def measured(name: str, quick: bool) -> dict[str, Figure]:
    """The figures of one comparison; where it breaks off, one that says why, and the others go on."""
    try:
        return COMPARISONS[name](quick)
    except Exception as error:  # whatever another library raises
        return {name: figure(None, 0, "", note=f"{type(error).__name__}: {error}")}


def main() -> None:
    """Prints one line per figure as it is measured, then all of them as JSON."""
    arguments = parser().parse_args()
    malloc.retain_freed()  # as `python -m resq` does; the other libraries gain as much
    torch.set_grad_enabled(False)
    found: dict[str, Figure] = {}
    for name in arguments.only or COMPARISONS:
        began = time.perf_counter()
        part = measured(name, arguments.quick)
        print(f"[{name}, {time.perf_counter() - began:.0f} s]", flush=True)
        lines(part)
        found |= part
    print(json.dumps(found))


if __name__ == "__main__":
    main()
