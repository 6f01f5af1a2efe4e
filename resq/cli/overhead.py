"""What each way to store weights costs in time: all words decoded in C, beside a pass of the network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from resq.cli import options
from resq.core.errors import ResqError
from resq.protect.timing import times

USUAL = "int8,int4-tmr2,int8-x3,int8-secded,int8-secded0,int8-spw"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "checkpoint", help="data/network/variant, the path of a checkpoint, or a deployed file"
    )
    parser.add_argument("--encodings", default="", help=f"with commas between them (default {USUAL})")
    parser.add_argument("--data", default="", help="of a deployed file: the data set of its images")
    options.add_inputs(parser)
    parser.add_argument("--out", type=Path, help="also write it to this .json file")


def run(arguments: argparse.Namespace) -> None:
    """Measures and prints a table."""
    from resq.core import Encoding
    from resq.protect import answer
    from resq.protect.timing import pass_time
    from resq.protect.wanted import Wanted

    names = [name for name in (arguments.encodings or USUAL).split(",") if name]
    if not names:
        raise ResqError(f"name at least one encoding, such as {USUAL}, got {arguments.encodings!r}")
    names = [str(Encoding.parse(name)) for name in names]
    wanted = Wanted(arguments.checkpoint, 1e-2, data=arguments.data, inputs=options.inputs(arguments), n=250)
    report = pass_time.measured(answer.subject_of(wanted), names)
    if options.write_result(arguments, report):
        return
    options.print_table([_line(row) for row in report["rows"]])
    print(
        f"\n{report['network']}, weights {report['weights']}; the least of {report['times']} in one run, "
        f"{report['threads']} thread{'s' * (report['threads'] != 1)}, {report['processor']}; decoder.c, "
        f"{report['compiler']}"
    )


def _line(row: dict[str, Any]) -> dict[str, str]:
    """One encoding for people: what decoding adds to a pass of one image and of a batch."""
    decode = row["decode"]
    line = {"stored as": row["encoding"], "decoding": "not read in C" if decode is None else _ms(decode)}
    for n in row["pass"]:
        more = times.ratio(row, int(n))
        line[f"pass of {n}"] = _ms(row["pass"][n])
        line[f"times, {n}"] = "-" if more is None else f"{more:.3f}"
    return line


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"
