"""Where pictures lie among a network's last features as BER or eps grows: PCA, answers, a figure."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from resq import jobs
from resq.cli import options
from resq.core import commands
from resq.core.errors import ResqError
from resq.measure.analysis import embedding
from resq.measure.run.embedding import steps
from resq.measure.run.embedding.spec import EmbeddingSpec

FIELDS = ("checkpoint", "encoding", "fault", "eps", "steps", "maps", "n", "seed")
DATA = (".json", ".gz")
PICTURES = (".html", ".svg", ".pdf", ".png")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    usual = {name: getattr(EmbeddingSpec, name) for name in ("bers", *FIELDS[1:])}
    options.add_network(parser, "fault maps and random starts of the attack")
    rates, budgets = (commands.listed(usual[name]) for name in ("bers", "eps"))
    parser.add_argument("--ber", type=options.numbers(float), default=usual["bers"],
                        help=f"bit error rates (default {rates})")  # fmt: skip
    parser.add_argument("--eps", type=options.numbers(float), default=usual["eps"],
                        help=f"budgets of PGD, 1/255 (default {budgets})")  # fmt: skip
    parser.add_argument("--fault", default=usual["fault"], help="fault model (default random)")
    for name, about in (("steps", "of PGD"), ("maps", "fault maps"), ("n", "the first N test images")):
        parser.add_argument(f"--{name}", type=int, default=usual[name],
                            help=f"{about} (default {usual[name]})")  # fmt: skip
    parser.add_argument("--out", type=Path, help="also write the numbers to this .json or .json.gz file")
    parser.add_argument("--picture", type=Path,
                        help="also draw them: .html moves; .svg, .pdf, .png show one step")  # fmt: skip
    parser.add_argument("--axis", choices=("ber", "eps"), default="",
                        help="what grows in the picture (default ber, where there is any)")  # fmt: skip
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines as they are measured")


def embedding_spec(arguments: argparse.Namespace) -> EmbeddingSpec:
    """What the options spell."""
    return EmbeddingSpec(bers=arguments.ber, **{name: getattr(arguments, name) for name in FIELDS})


def run(arguments: argparse.Namespace) -> None:
    """Measures, writes what was asked for, and prints a line for each step."""
    _check_files(arguments)
    spec = embedding_spec(arguments)
    axis = arguments.axis or ("ber" if spec.bers else "eps")
    if not getattr(spec, {"ber": "bers"}.get(axis, axis)):
        raise ResqError(f"--axis {axis} draws what --{axis} measures, and there is no {axis} above 0")
    rows = list(_measured(spec, arguments.stream))
    if arguments.stream:  # asked for by a page: kept for those who look later
        embedding.keep(spec, rows)
    if arguments.out is not None:
        embedding.write(arguments.out, rows)
    if arguments.picture is not None:
        jobs.picture(rows, axis, arguments.picture.resolve())
    if arguments.json:
        print(options.dump({"rows": rows}))
    elif not arguments.stream:
        options.first(arguments)
        print(_about(rows[0]))
        options.print_table(_table(rows))
        print(
            f"95 %: under flips ({spec.fault}) over fault maps and images, else over images (Wilson); eps: "
            f"PGD with {spec.steps} steps, one start, an upper bound"
        )


def _check_files(arguments: argparse.Namespace) -> None:
    for file, endings in ((arguments.out, DATA), (arguments.picture, PICTURES)):
        if file is None:
            continue
        if file.suffix not in endings:
            raise ResqError(f"{file.name} ends in {file.suffix or 'nothing'}; expected {', '.join(endings)}")
        if file.exists():
            raise ResqError(f"{file} exists already; nothing was run and nothing overwritten")


def _measured(spec: EmbeddingSpec, stream: bool) -> Any:
    if stream:
        jobs.watch_parent()
        print(json.dumps({"total": spec.total}), flush=True)
    for row in tqdm(steps.run(spec), total=spec.total, leave=False, delay=1):
        if stream:
            print(json.dumps({"row": row}), flush=True)
        yield row


def _about(row: embedding.Row) -> str:
    """What the plane is of."""
    read = f"the {row['features']} features that {row['head']} reads" if row["head"] else "the logits"
    first, second = (100 * share for share in row["shares"])
    return (
        f"plane: the first two principal components of {read}, fitted on {row['n']} clean images; they hold "
        f"{first:.1f} % and {second:.1f} % of the variance; on the plane itself the head answers as for the "
        f"picture for {100 * embedding.agreeing(row):.0f} %; seed {row['seed']}, "
        f"weights {row['weights'][:8]}, images {row['images'][:8]}"
    )


def _table(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    clean, lines = rows[0], []
    for axis in ("ber", "eps"):
        for value, there in embedding.steps(rows, axis).items():
            if value or axis == "ber":
                name = "clean" if not value else f"{axis} {commands.number(value)}"
                lines.append(_line(clean, there, name + "/255" * (axis == "eps")))
    return lines


def _line(clean: embedding.Row, there: list[embedding.Row], name: str) -> dict[str, str]:
    share, before = embedding.accuracy(there), embedding.answers(clean)
    changed = sum(int((embedding.answers(row) != before).sum()) for row in there)
    way = np.concatenate([embedding.ways(clean, row) for row in there])
    return {
        "step": name, "maps": str(share["maps"]), "right": options.percent(share["mean"]),
        "95 %": options.span(share["low"], share["high"]),
        "answers changed": f"{changed} of {share['n'] * share['maps']}",
        "way on the plane, median": f"{np.nanmedian(way):.3g}" if np.isfinite(way).any() else "-",
    }  # fmt: skip
