"""Progressive bit search: which few stored bits an attacker who knows the network would flip."""

from __future__ import annotations

import argparse
from typing import Any

from resq.cli import options
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.analysis import stats


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    options.add_network(parser, seed="which images the attacker has")
    options.add_file(parser)
    options.add_result(parser, 128, "the attacker's images")
    options.add_device(parser)
    parser.add_argument("--flips", type=int, default=20, help="bits to flip, one by one (default 20)")
    parser.add_argument("--test", type=int, default=1000, help="other images that tell the accuracy (1000)")


def run(arguments: argparse.Namespace) -> None:
    """Searches and prints the flips as they are found."""
    if min(arguments.flips, arguments.n, arguments.test) < 1:
        raise ResqError(
            f"flips, n and test must be at least 1, got {arguments.flips}, {arguments.n} and {arguments.test}"
        )
    of_file = deployed.is_file(arguments.checkpoint)
    report, steps = (_of_file if of_file else _of_checkpoint)(arguments), []
    if not arguments.json and not of_file:
        options.first(arguments)
    for step in report.pop("steps"):
        steps.append(step)
        if not arguments.json:
            print(_line(step, report["test"]), flush=True)
    report["steps"] = steps
    if not options.write_result(arguments, report):
        print(
            f"\n{options.network_label(report)}, {report['n']} images of the attacker, accuracy "
            f"on {report['test']} others of {report['data']} (in brackets 95 % over images; one search, so "
            f"no interval over searches), seed {report['seed']}; weights "
            f"{report['weights']}, code {report['code']}"
        )


def _of_file(arguments: argparse.Namespace) -> dict[str, Any]:
    from resq.measure.run.deployed import attacked_file  # torch

    return attacked_file.bit_search(options.file_spec(arguments), arguments.test, arguments.flips)


def _of_checkpoint(arguments: argparse.Namespace) -> dict[str, Any]:
    from resq.measure.run.adversary import searched_bits  # torch
    from resq.platform import devices

    a, where = arguments, devices.chosen(arguments.device)
    return searched_bits.searched(a.checkpoint, a.encoding, a.n, a.test, a.flips, a.seed, where)


def _line(step: dict[str, Any], n: int) -> str:
    accuracy = step["correct"] / n
    text = f"{step['flips']:>3} flips  loss {step['loss']:8.3f}  accuracy {options.percent(accuracy):>8}"
    text += f" ({options.span(*stats.wilson(accuracy, n))})"
    if not step["flips"]:
        return text
    return (
        f"{text}  {step['layer']} weight {step['word']} bit {step['bit']}: "
        f"{step['before']:.4f} -> {step['after']:.4f}"
    )
