"""Confusion matrix, clean against faulty: predictions with flipped bits beside those without."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from resq import jobs
from resq.cli import options
from resq.core.errors import ResqError
from resq.measure.run import confusion
from resq.measure.run.confusion import ConfusionSpec


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("checkpoint", help="data/network/variant (see python -m resq show)")
    options.add_encoding(parser)
    parser.add_argument("--ber", type=options.numbers(float), default=(1e-2,), help="rates (default 0.01)")
    parser.add_argument("--fault", default="random", help="fault model (default random)")
    parser.add_argument("--maps", type=int, default=5, help="fault maps (default 5)")
    parser.add_argument("--n", type=int, default=300, help="the first N test images (default 300)")
    parser.add_argument("--seed", type=int, default=0, help="decides fault maps (default 0)")
    parser.add_argument("--out", type=Path, help="also write the rows to this .json file")
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines as they are measured")


def confusion_specs(arguments: argparse.Namespace) -> list[ConfusionSpec]:
    """What the options spell, one for each rate."""
    fields = {k: getattr(arguments, k) for k in ("checkpoint", "encoding", "fault", "maps", "n", "seed")}
    return [replace(ConfusionSpec(**fields), ber=ber) for ber in arguments.ber]


def run(arguments: argparse.Namespace) -> None:
    """Measures and prints the commonest changes."""
    if arguments.out is not None and arguments.out.exists():
        raise ResqError(f"{arguments.out} exists already; nothing was run and nothing overwritten")
    specs = confusion_specs(arguments)
    total = sum(spec.total for spec in specs)
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": total}), flush=True)
    rows = []
    for row in tqdm(
        (row for spec in specs for row in confusion.run(spec)), total=total, leave=False, delay=1
    ):
        rows.append(row)
        if arguments.stream:
            print(json.dumps({"row": row}), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps({"rows": rows}) + "\n", encoding="utf-8")
    if arguments.json:
        print(options.dump({"rows": rows}))
    elif not arguments.stream:
        options.first(arguments)
        for spec in specs:
            print(_text([row for row in rows if row["ber"] == spec.ber]))


def _text(rows: list[dict[str, Any]], most: int = 10) -> str:
    """How many answers change at one rate, and into what."""
    counts, first = confusion.summed(rows), rows[0]
    names = [*first["classes"], "no number"]
    seen = [(i, j) for i, j in zip(*counts.nonzero(), strict=True) if i != j]
    changes = [(int(counts[i, j]), names[i], names[j]) for i, j in seen]
    changed, total = sum(c for c, _, _ in changes), int(counts.sum())
    lines = [f"BER {first['ber']:g}: {changed} of {total} answers change ({first['n']} images, "
             f"{len(rows)} fault maps, sampler {first['fault']}, seed {first['seed']}; counts of these, no "
             f"interval; weights {first['weights']})"]  # fmt: skip
    return "\n".join([*lines, *(f"{c:>6}  {a} -> {b}" for c, a, b in sorted(changes, reverse=True)[:most])])
