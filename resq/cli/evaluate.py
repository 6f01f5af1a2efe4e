"""Accuracy of a checkpoint on the test images, and where asked under faults and attacks."""

from __future__ import annotations

import argparse
from typing import Any

from resq.cli import options, sweep
from resq.measure.analysis import stats
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
    result = summary(sweep.report(spec, frame, rows), open_spec.bers)
    if arguments.json:
        print(options.dump(result))
    else:
        options.first(arguments)
        print(
            f"{options.percent(result['accuracy'])} correct of {result['n']} "
            f"(95 % over images: {options.span(result['low'], result['high'])})\n"
        )
        sweep.print_curves(frame, arguments.metric)
        print(f"\n{sweep.provenance(frame)}")


def summary(report: dict[str, Any], bers: tuple[float, ...]) -> dict[str, Any]:
    """What ``--json`` prints: one object with ``n`` and ``accuracy``, and what else was asked for."""
    clean = report["faulty"][0]
    low, high = stats.wilson(clean["mean"], report["n"])
    shared = {k: report[k] for k in ("checkpoint", "data", "encoding", "n")}
    result = {**shared, "accuracy": clean["mean"], "low": low, "high": high, "due": clean["due"]}
    if bers:
        result |= {"fault": report["fault"], "region": report["region"]}
        result["faulty"] = [row for row in report["faulty"] if row["ber"] in bers]
    if report["attacked"]:
        result["attacked"] = report["attacked"]
    return {**result, "seed": report["seed"], "hashes": report["hashes"]}
