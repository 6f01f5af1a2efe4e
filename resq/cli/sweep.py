"""Accuracy over bit error rates and attack budgets, as rows and as a table with intervals."""
# Tables and intervals (pandas, scipy) are loaded when all is measured: until then measuring has their memory.

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from resq import jobs
from resq.cli import options, surface
from resq.core.errors import ResqError
from resq.measure.run.deployed import coarse_answers, default_sums, file_normals
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec, once, read
from resq.platform import malloc

BERS = (0.0, 1e-4, 1e-3, 1e-2)
HALF_WIDTH = (
    "stop each rate as soon as its 95 %% interval over maps is this many percentage points to either side "
    "(0.5 is usual), after 20 to 200 maps (--maps, if more); with --sample random and no --n a pilot finds "
    "n; the table's 95 %% also counts that the test set has these images and no others"
)

PRECISION = (
    "fp32 (default), or bf16: faster on a processor that computes with it; first compared with "
    "fp32 on the same maps, and not used where the two differ by more than the interval"
)

MISSING = "measure only cells whose rows are neither shipped nor in this machine's store; the table has all"

# What may be said beside a file of sweeps; all else the file says.
BESIDE = ("checkpoint", "device", "metric", "out", "missing")


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
    spec = settled(spec, arguments.device)
    rows, left = _left(spec, width, arguments.missing)
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": len(left)}), flush=True)
    for row in measured(spec, width, arguments.device, look=not arguments.stream, left=left):
        rows.append(row)
        if arguments.stream:
            _tell(row)
    if arguments.out or not arguments.stream:
        _print(arguments, spec, rows, bool(width))


def _left(spec: SweepSpec, width: float, missing: bool) -> tuple[list[dict[str, Any]], list[Cell]]:
    """Rows that are known already, where only the missing ones are wanted, and the cells to measure."""
    if not missing:
        return [], list(spec.cells())
    from resq.measure.run.campaign import missing_cells

    return missing_cells.known(list(spec.cells()), width)


def _print(arguments: argparse.Namespace, spec: SweepSpec, rows: list[dict[str, Any]], narrow: bool) -> None:
    """Writes and prints what was measured."""
    from resq.cli import sweep_output
    from resq.measure.store import table

    frame = table.frame(rows)
    if arguments.out:
        sweep_output.write(frame, arguments.out)
    if arguments.json:
        print(options.dump(sweep_output.report(spec, frame, rows, arguments.metric, narrow)))
    elif not arguments.stream:
        options.first(arguments)
        sweep_output.print_curves(frame, arguments.metric, narrow)
        if narrow:
            print(f"\n{sweep_output.stopped(frame, arguments.metric)}")
        print(f"\n{sweep_output.provenance(frame)}")


def _tell(row: dict[str, Any]) -> None:
    """A row for whoever started this job."""
    from resq.measure.store import table

    print(json.dumps({"row": table.plain(row)}), flush=True)
    _store(row)


def _store(row: dict[str, Any]) -> None:
    """Keeps a job's row, so that a job that is cancelled or lost leaves what it has measured."""
    from sqlalchemy.exc import SQLAlchemyError

    from resq.measure.store import rows_by_key

    try:
        rows_by_key.add([row])
    except (ResqError, SQLAlchemyError) as error:  # a full disk, a store that does not answer
        print(f"not stored: {error}", file=sys.stderr)


def _run_file(arguments: argparse.Namespace) -> None:
    """All sweeps of a TOML file, into one table, each cell measured once."""
    options.alone(add, arguments.words, BESIDE, "a file of sweeps says all that is measured")
    specs = [settled(spec, arguments.device) for spec in read(Path(arguments.checkpoint))]
    from resq.cli import sweep_output
    from resq.measure.run.campaign import missing_cells
    from resq.measure.store import table

    rows = []
    for spec, cells in once(specs):
        known, left = missing_cells.known(cells) if arguments.missing else ([], cells)
        rows += [*known, *(measured(spec, device=arguments.device, left=left) if left else ())]
    frame = table.frame(rows)
    if arguments.out:
        sweep_output.write(frame, arguments.out)
    if arguments.json:
        print(options.dump({"rows": [table.plain(row) for row in rows]}))
        return
    for keys, part in frame.groupby(["checkpoint", "encoding", "fault"], sort=False):
        print(f"\n{' · '.join(map(str, keys))}")
        sweep_output.print_curves(part, arguments.metric)


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
    from resq.measure.analysis import stopping_rule

    spec = replace(spec, maps=max(spec.maps, stopping_rule.MOST))
    if not choose_n:
        return spec
    from resq.measure.run import sweep  # torch
    from resq.measure.run.campaign import until_narrow

    spec = until_narrow.designed(spec, width, sweep.Measurer().row, sweep.images_there(spec))
    print(f"planned from a pilot: {spec.n} images a map, at most {spec.maps} maps", file=sys.stderr)
    return spec


def settled(spec: SweepSpec, device: str = "cpu") -> SweepSpec:
    """The spec in the precision that ``bf16_check.choose_precision`` finds good, said on standard error."""
    if spec.precision == "fp32":
        return spec
    from resq.measure.run import bf16_check, sweep  # torch
    from resq.platform import devices

    allowed, sentence = bf16_check.choose_precision(spec, sweep.Measurer(devices.chosen(device)).row)
    print(sentence, file=sys.stderr)
    return allowed


def measured(
    spec: SweepSpec,
    width: float = 0.0,
    device: str = "cpu",
    look: bool = True,
    left: Sequence[Cell] | None = None,
) -> Iterator[dict[str, Any]]:
    """The rows, hints and a progress bar on standard error; ``width`` is the half-width that ends a rate.

    ``look`` also runs a deployed file on images that become other numbers, and by its runtime's defaults, for
    hints; ``left`` are the cells to measure, None for all.
    """
    for hint in (
        *options.hints(spec),
        *coarse_answers.hints(spec),
        *((*file_normals.hints(spec), *default_sums.hints(spec)) if look else ()),
    ):
        print(hint, file=sys.stderr)
    from resq.measure.run import sweep  # torch: seconds that a refused spec need not pay
    from resq.platform import devices

    where = devices.chosen(device)
    cells = spec.cells() if left is None else left
    measurer = sweep.Measurer(where)
    rows = _narrowed(spec, width, measurer) if width else map(measurer.row, cells)
    bar = tqdm(
        rows,
        total=spec.total if left is None else len(left),
        desc=spec.checkpoint,
        unit="cell",
        leave=False,
        delay=1,
    )
    yield from bar
    malloc.give_back()


def _narrowed(spec: SweepSpec, width: float, measurer: Any) -> Iterator[dict[str, Any]]:
    from resq.measure.run.campaign import until_narrow

    return until_narrow.run(spec, width, measurer.row)


def check_out(file: Path | None) -> None:
    """Refuses a file of another kind, or one that is there."""
    if file is not None and file.suffix not in (".parquet", ".csv"):
        raise ResqError(f"--out takes a .parquet or .csv file, got {file}")
    if file is not None and file.exists():
        raise ResqError(f"{file} exists already; nothing was run and nothing overwritten")
