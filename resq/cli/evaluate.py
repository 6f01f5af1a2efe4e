"""Accuracy of a checkpoint on the test images, and where asked under faults and attacks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from resq.cli import options, sweep, sweep_output
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    options.add_measured(parser)
    options.add_metric(parser)


def run(arguments: argparse.Namespace) -> None:
    """Evaluates and prints."""
    from resq.measure.run.sweep import images_there  # torch

    open_spec = options.spec(arguments, n=1)
    n = images_there(open_spec) if arguments.n is None else arguments.n
    arguments.ber = (0.0, *arguments.ber)  # the clean accuracy is the one at BER 0
    spec = options.spec(arguments, n=n)
    rows = list(sweep.measured(spec))
    frame = table.frame(rows)
    result = summary(sweep_output.report(spec, frame, rows), open_spec.bers)
    if arguments.json:
        print(options.dump(result))
    else:
        options.first(arguments)
        print(
            f"{options.percent(result['accuracy'])} correct of {_drawn(spec, rows)}{result['n']} "
            f"(95 % over images: {options.span(result['low'], result['high'])})\n"
        )
        sweep_output.print_curves(frame, arguments.metric)
        print(f"\n{sweep_output.provenance(frame)}")


def _drawn(spec: SweepSpec, rows: Sequence[Mapping[str, Any]]) -> str:
    """How many draws of images the clean accuracy is the mean of, where there are several."""
    count = sum(row["axis"] == "ber" and row["ber"] == 0 for row in rows)
    return f"{count} draws of " if spec.sample == "random" and count > 1 else ""


def summary(report: dict[str, Any], bers: tuple[float, ...]) -> dict[str, Any]:
    """What ``--json`` prints: one object with ``n`` and ``accuracy``, and what else was asked for."""
    clean = report["faulty"][0]
    low, high = clean["image_low"], clean["image_high"]
    shared = {k: report[k] for k in ("checkpoint", "data", "encoding", "n")}
    result = {**shared, "accuracy": clean["mean"], "low": low, "high": high, "due": clean["due"]}
    if bers:
        result |= {"fault": report["fault"], "region": report["region"]}
        result["faulty"] = [row for row in report["faulty"] if row["ber"] in bers]
    if report["attacked"]:
        result["attacked"] = report["attacked"]
    return {**result, "seed": report["seed"], "hashes": report["hashes"]}
