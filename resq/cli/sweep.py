"""Accuracy over bit error rates and attack budgets, as rows and as a table with intervals."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from resq import jobs
from resq.cli import options, surface
from resq.core.errors import ResqError
from resq.measure.analysis import joint_grid, stats, stopping_rule
from resq.measure.analysis.intervals import caution
from resq.measure.run import missing_cells, until_narrow
from resq.measure.run.deployed import file_normals
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec, read
from resq.measure.store import table

BERS = (0.0, 1e-4, 1e-3, 1e-2)
HALF_WIDTH = (
    "stop each rate as soon as its 95 %% interval over maps is this many percentage points to either side "
    "(0.5 is usual), after 20 to 200 maps (--maps, if more); with --sample random and no --n a pilot finds n"
)

PRECISION = (
    "fp32 (default), or bf16: about twice as fast on a processor that computes with it; first compared with "
    "fp32 on the same maps, and not used where the two differ by more than the interval"
)

MISSING = "measure only cells whose rows are neither shipped nor in this machine's store; the table has all"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    options.add_measured(parser)
    options.add_mode(parser)
    surface.add(parser)
    options.add_metric(parser)
    options.add_device(parser)
    parser.set_defaults(maps=None)  # ten, or five of a joint sweep
    parser.add_argument("--precision", default="fp32", help=PRECISION)
    parser.add_argument("--half-width", type=float, metavar="PP", help=HALF_WIDTH)
    parser.add_argument("--out", type=Path, help="also write the rows to this .parquet or .csv file")
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines as they are measured")
    parser.add_argument("--missing", action="store_true", help=MISSING)


def run(arguments: argparse.Namespace) -> None:
    """Runs the sweep and prints it."""
    check_out(arguments.out)
    if arguments.joint:
        surface.fill(arguments)
    arguments.maps = options.MAPS if arguments.maps is None else arguments.maps
    if arguments.checkpoint.endswith(".toml"):
        _run_file(arguments)
        return
    if not arguments.ber and not arguments.eps:
        arguments.ber = BERS
    width = half_width(arguments.half_width)
    spec = options.spec(arguments, n=1000)
    if width:
        spec = planned(spec, width, choose_n=spec.sample == "random" and arguments.n is None)
    spec = settled(spec)
    rows, left = missing_cells.known(spec, width) if arguments.missing else ([], list(spec.cells()))
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": len(left)}), flush=True)
    for row in measured(spec, width, arguments.device, look=not arguments.stream, left=left):
        rows.append(row)
        if arguments.stream:
            print(json.dumps({"row": table.plain(row)}), flush=True)
            _store(row)
    frame = table.frame(rows)
    if arguments.out:
        write(frame, arguments.out)
    if arguments.json:
        print(options.dump(report(spec, frame, rows, arguments.metric)))
    elif not arguments.stream:
        options.first(arguments)
        print_curves(frame, arguments.metric)
        if width:
            print(f"\n{stopped(frame)}")
        print(f"\n{provenance(frame)}")


def _store(row: dict[str, Any]) -> None:
    """Keeps a job's row, so that a job that is cancelled or lost leaves what it has measured."""
    from resq.measure.store import rows_by_key

    try:
        rows_by_key.add([row])
    except (ResqError, SQLAlchemyError) as error:  # a full disk, a store that does not answer
        print(f"not stored: {error}", file=sys.stderr)


def _run_file(arguments: argparse.Namespace) -> None:
    """All sweeps of a TOML file, into one table."""
    specs = read(Path(arguments.checkpoint))
    rows = []
    for spec in specs:
        found, left = missing_cells.known(spec) if arguments.missing else ([], None)
        rows += [*found, *measured(spec, device=arguments.device, left=left)]
    frame = table.frame(rows)
    if arguments.out:
        write(frame, arguments.out)
    if arguments.json:
        print(options.dump({"rows": [table.plain(row) for row in rows]}))
        return
    for keys, part in frame.groupby(["checkpoint", "encoding", "fault"], sort=False):
        print(f"\n{' · '.join(map(str, keys))}")
        print_curves(part, arguments.metric)


def half_width(points: float | None) -> float:
    """The asked half-width in 0..1; 0 where none was asked for.

    Raises:
        ValueError: not between 0 and 50 percentage points.
    """
    if points is not None and not 0 < points < 50:
        raise ResqError(f"--half-width is in percentage points, between 0 and 50, got {points:g}")
    return (points or 0) / 100


def planned(spec: SweepSpec, width: float, choose_n: bool) -> SweepSpec:
    """The spec with as many maps as the rule may need; with ``choose_n`` also the n that a pilot finds."""
    spec = replace(spec, maps=max(spec.maps, stopping_rule.MOST))
    if not choose_n:
        return spec
    from resq.measure.run import sweep  # torch

    spec = until_narrow.designed(spec, width, sweep.Measurer().row, sweep.images_there(spec))
    print(f"planned from a pilot: {spec.n} images a map, at most {spec.maps} maps", file=sys.stderr)
    return spec


def settled(spec: SweepSpec) -> SweepSpec:
    """The spec in the precision that ``bf16_check.choose_precision`` finds good, said on standard error."""
    if spec.precision == "fp32":
        return spec
    from resq.measure.run import bf16_check, sweep  # torch

    allowed, sentence = bf16_check.choose_precision(spec, sweep.Measurer().row)
    print(sentence, file=sys.stderr)
    return allowed


def stopped(frame: pd.DataFrame) -> str:
    """One line: after how many maps each rate stopped, and the half-width that stopped it."""
    rows = frame[(frame["axis"] == "ber") & (frame["ber"] > 0)].sort_values("map")
    accuracy = (rows["correct"] / rows["n"]).groupby(rows["ber"])
    parts = [
        f"BER {ber:g} {len(seen)} maps, ±{100 * stopping_rule.cautious_half_width(list(seen)):.2f} pp"
        for ber, seen in accuracy
    ]
    return f"stopped after: {'; '.join(parts)} (95 %, counting one more bad map)"


def measured(
    spec: SweepSpec,
    width: float = 0.0,
    device: str = "cpu",
    look: bool = True,
    left: Sequence[Cell] | None = None,
) -> Iterator[dict[str, Any]]:
    """The rows, hints and a progress bar on standard error; ``width`` is the half-width that ends a rate.

    ``look`` also runs a deployed file on images that become other numbers, for a hint; ``left`` are the cells
    to measure, None for all.
    """
    for hint in (*options.hints(spec), *(file_normals.hints(spec) if look else ())):
        print(hint, file=sys.stderr)
    from resq.measure.run import sweep  # torch: seconds that a refused spec need not pay
    from resq.platform import devices

    where = devices.chosen(device)
    cells = spec.cells() if left is None else left
    measurer = sweep.Measurer(where)
    rows = until_narrow.run(spec, width, measurer.row) if width else map(measurer.row, cells)
    bar = tqdm(
        rows,
        total=spec.total if left is None else len(left),
        desc=spec.checkpoint,
        unit="cell",
        leave=False,
        delay=1,
    )
    yield from bar


def report(
    spec: SweepSpec, frame: pd.DataFrame, rows: list[dict[str, Any]], metric: str = "accuracy"
) -> dict[str, Any]:
    """What ``--json`` prints: the spec, the hashes, the summaries, the rows."""
    first = rows[0]
    return {
        "checkpoint": spec.checkpoint,
        "data": first["data"],
        "encoding": spec.encoding,
        "fault": spec.fault,
        "region": spec.region,
        "targets": spec.targets,
        "metric": metric,
        "n": first["n"],
        "seed": spec.seed,
        "hashes": {"spec": spec.hash, **{k: first[k] for k in ("weights", "images", "code")}},
        "faulty": faulty(frame, metric),
        "attacked": attacked(frame),
        **({"joint": joint} if (joint := together(frame)) else {}),
        "rows": [table.plain(row) for row in rows],
    }


def faulty(frame: pd.DataFrame, metric: str = "accuracy") -> list[dict[str, Any]]:
    """One object per bit error rate; low and high bound the mean over fault maps and images (95 %)."""
    keys = ("maps", "mean", "low", "high", "map_low", "map_high", "image_low", "image_high", "least", "flips",
            "due", "top")  # fmt: skip
    return [
        {"ber": row["x"], **{k: row[k] for k in keys}}
        for row in stats.curve(frame, "ber", metric).to_dict("records")
    ]


def attacked(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One object per attack budget; low and high are the Wilson interval over images (95 %)."""
    return [
        {
            "attack": row["attack"],
            "eps": row["x"],
            "steps": row["steps"],
            "restarts": row["restarts"],
            "accuracy": row["mean"],
            "low": row["image_low"],
            "high": row["image_high"],
        }
        for row in stats.curve(frame, "eps").to_dict("records")
    ]


def together(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One object per mode, bit error rate and budget; low and high bound the mean over maps and images."""
    keys = ("mode", "attack", "ber", "eps", "maps", "mean", "low", "high", "least")
    return [{k: row[k] for k in keys} for row in joint_grid.grid(frame).to_dict("records")]


def print_surface(frame: pd.DataFrame) -> None:
    """Accuracy in per cent and the half width of its interval: a line per rate, a column per budget."""
    for (mode, attack), part in joint_grid.grid(frame).groupby(["mode", "attack"], sort=False):
        print(f"\n{attack}, {mode}: accuracy in %, and its 95 % interval over fault maps and images")
        lines = [
            {"BER": f"{ber:g}", **{f"{p['eps']:g}/255": _cell(p) for p in line.to_dict("records")}}
            for ber, line in part.groupby("ber")
        ]
        options.print_table(lines)


def _cell(point: Mapping[Any, Any]) -> str:
    span = "" if math.isnan(point["low"]) else f" ({100 * point['low']:.1f} to {100 * point['high']:.1f})"
    return f"{100 * point['mean']:.1f}{span}"


def print_curves(frame: pd.DataFrame, metric: str = "accuracy") -> None:
    """The summaries for people."""
    options.print_table(
        [
            {
                "BER": f"{row['ber']:g}",
                metric: options.percent(row["mean"]),
                "95 %": options.span(row["low"], row["high"]),
                "over maps": options.span(row["map_low"], row["map_high"]),
                "over images": options.span(row["image_low"], row["image_high"]),
                "worst map": options.percent(row["least"]),
                "maps": str(row["maps"]),
                "flips": f"{row['flips']:,.0f}",
                "not finite": f"{row['due']:g}",
            }
            for row in faulty(frame, metric)
        ]
    )
    options.print_table(
        [
            {
                "attack": f"{row['attack']} {row['steps']}x{row['restarts']}",
                "eps": f"{row['eps']:g}/255",
                "accuracy": options.percent(row["accuracy"]),
                "95 % over images": options.span(row["low"], row["high"]),
            }
            for row in attacked(frame)
        ]
    )
    print_surface(frame)
    print("95 %: over fault maps and images together, then over either alone")
    few = {int(row["maps"]) for row in faulty(frame) if row["ber"]}
    for caution_text in filter(None, map(caution, few)):
        print(caution_text)


UNANSWERED = (
    "not finite: images without an answer, which count as wrong (DUE); where the runtime refuses the file "
    "with its flips, none of a map's images has one"
)
STRUCK = {
    "weights": "struck are the words of the weights; scales, zero points, norms and biases are not",
    "floats": "struck are scales, zero points, norms and biases; the words of the weights are not",
    "all": "struck are the words of the weights and the scales, zero points, norms and biases beside them",
}


def provenance(frame: pd.DataFrame) -> str:
    """What made the numbers, and what was struck."""
    row, faults = frame.iloc[0], frame[frame["bits"] > 0]
    of_file = row["encoding"] == AS_STORED
    what = f"struck are the file's own {row['targets']}" if of_file else STRUCK[row["targets"]]
    struck = "" if faults.empty else f"{what}: {faults['bits'].iloc[0]:,} bits\n"
    if of_file and (faults["due"] > 0).any():
        struck = f"{UNANSWERED}\n{struck}"
    how = f"{AS_STORED}, run by {row['software']}" if of_file else f"as {row['encoding']}"
    return struck + (
        f"{row['checkpoint']} {how}, {row['data']} test images 1 to {row['n']}, "
        f"seed {row['seed']}; weights {row['weights']}, images {row['images']}, code {row['code']}"
    )


def check_out(file: Path | None) -> None:
    """Refuses a file of another kind, or one that is there."""
    if file is not None and file.suffix not in (".parquet", ".csv"):
        raise ResqError(f"--out takes a .parquet or .csv file, got {file}")
    if file is not None and file.exists():
        raise ResqError(f"{file} exists already; nothing was run and nothing overwritten")


def write(frame: pd.DataFrame, file: Path) -> None:
    """The rows as parquet or CSV, as the file's name says."""
    if file.suffix == ".csv":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(table.csv(frame))
    else:
        table.write(frame, file)
