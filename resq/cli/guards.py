"""Whether a robust accuracy can be believed: guards against weak attacks and hidden gradients."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from resq.cli import options
from resq.deployed import network as deployed
from resq.measure.analysis.stats import wilson
from resq.measure.specs.sweep_spec import SweepSpec


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    options.add_network(parser, seed="random starts")
    options.add_file(parser)
    options.add_result(parser, 500, "the first N test images; on fewer than 500 most guards are not judged")
    parser.add_argument("--eps", type=options.budget, default=8.0, help="attack budget in 1/255 (default 8)")
    parser.add_argument("--steps", type=int, default=20, help="PGD steps; twice as many are tried too (20)")


def run(arguments: argparse.Namespace) -> None:
    """Measures and prints the guards."""
    report = _of_file(arguments) if deployed.is_file(arguments.checkpoint) else _of_checkpoint(arguments)
    if options.write_result(arguments, report):
        return
    options.first(arguments)
    options.print_table(
        [
            {
                "guard": g["name"],
                "verdict": g["verdict"],
                "value": "-" if g["value"] is None else f"{g['value']:.3g} {g['unit']}",
                "green to": f"{g['green']:.3g}",
                "amber to": f"{g['amber']:.3g}",
            }
            for g in report["guards"]
        ]
    )
    print("\n" + "\n".join(f"{g['name']}: {g['says']}." for g in report["guards"]))
    print(
        f"\nThe shares are of the same {report['n']} images; the 95 % interval of each, over images, "
        f"reaches at most {100 * reach(report['n']):.1f} points to either side. Guards compare the shares "
        "themselves with their limits."
    )
    print(
        f"\n{options.network_label(report)}, {report['data']} test images 1 to {report['n']}, "
        f"eps {report['eps']:g}/255, seed {report['seed']}; weights {report['weights']}, "
        f"code {report['code']}"
    )


def reach(n: int) -> float:
    """The farthest that the 95 % interval (Wilson) of a share of n images reaches to one side, in 0..1.

    That is not half its width where the share is one half: near 0 and 1 the interval lies to one side.

    >>> round(reach(10), 4), round(wilson(0.5, 10)[1] - 0.5, 4), round(wilson(0.0, 10)[1], 4)
    (0.3098, 0.2634, 0.2775)
    """
    return max(wilson(right / n, n)[1] - right / n for right in range(n + 1))


def _of_file(arguments: argparse.Namespace) -> dict[str, Any]:
    from resq.measure.run.deployed import attacked_file  # torch

    spec = options.file_spec(arguments)
    return attacked_file.checked_attack(replace(spec, eps=(arguments.eps,), steps=arguments.steps))


def _of_checkpoint(arguments: argparse.Namespace) -> dict[str, Any]:
    from resq.measure.run.adversary import checked_attack  # torch

    fields = {name: getattr(arguments, name) for name in ("encoding", "steps", "n", "seed")}
    return checked_attack.checked(SweepSpec(arguments.checkpoint, eps=(arguments.eps,), **fields))
