"""Runs one of the trials; prints what it found, the last line as JSON; 1 where something was found."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def _soak(arguments: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], bool]:
    from stress import soak, turns

    if arguments.against:
        sides = turns.sides_of(arguments.against.resolve(), arguments.servers)
        levels = {int(n): arguments.seconds for n in arguments.levels.split(",")}
        found = turns.run(folder, sides, levels)
        return found, not any(side["errors"] for side in found.values())
    found = soak.run(folder, arguments.seconds, arguments.sessions)
    clean = not (found["errors"] or found["cross_talk"] or found["networks_moved"])
    return found, clean and found["checkpoint_files_unchanged"]


def _fuzz(arguments: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], bool]:
    from stress import fuzz

    os.environ |= {"RESQ_WORK": str(folder / "work"), "RESQ_CACHE": str(folder / "cache")}
    found = fuzz.run(folder, arguments.inputs)
    return found, not (found["crashes"] or found["escapes"])


def _chaos(arguments: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], bool]:
    import torch  # noqa: F401 - before anything is forked

    from resq import cli, importers  # noqa: F401
    from stress import chaos

    found = chaos.run(folder, arguments.faults)
    return found, not (found["rows_lost"] or found["rows_doubled"] or found["failures"])


def _deployed(arguments: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], bool]:
    from stress import deployed

    os.environ |= {"RESQ_WORK": str(folder / "work"), "OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
    found = deployed.run(folder, arguments.inputs, arguments.first)
    return found, not (found["crashes"] or found["escapes"])


TRIALS = {"soak": _soak, "fuzz": _fuzz, "chaos": _chaos, "deployed": _deployed}


def main() -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m stress", description=__doc__)
    parser.add_argument("trial", choices=sorted(TRIALS))
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="soak: time of the crowd, --against: of each"
    )
    parser.add_argument("--sessions", type=int, default=30, help="soak: visitors at once")
    parser.add_argument("--against", type=Path, help="soak: another version's tree; both in turn")
    parser.add_argument("--servers", type=int, default=1, help="soak --against: so many behind nginx too")
    parser.add_argument("--levels", default="1,10,30,100", help="soak --against: visitors at once")
    parser.add_argument("--inputs", type=int, default=10_000, help="fuzz, deployed: how many inputs")
    parser.add_argument("--first", type=int, default=0, help="deployed: the seed of the first input")
    parser.add_argument("--faults", type=int, default=100, help="chaos: how many faults")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resq-stress-", ignore_cleanup_errors=True) as folder:
        found, held = TRIALS[arguments.trial](arguments, Path(folder))
    for name, value in found.items():
        print(f"{name:28} {value}")
    print(json.dumps(found))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
