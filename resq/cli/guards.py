"""Whether a robust accuracy can be believed: guards against weak attacks and hidden gradients."""

from __future__ import annotations

import argparse
from typing import Any

from resq.cli import files, options
from resq.core import Encoding
from resq.deployed import network as deployed
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
    found = (
        files.guards(arguments)
        if deployed.is_file(arguments.checkpoint)
        else measured(
            SweepSpec(
                arguments.checkpoint,
                encoding=arguments.encoding,
                eps=(arguments.eps,),
                steps=arguments.steps,
                n=arguments.n,
                seed=arguments.seed,
            )
        )
    )
    if options.write_result(arguments, found):
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
            for g in found["guards"]
        ]
    )
    print("\n" + "\n".join(f"{g['name']}: {g['says']}." for g in found["guards"]))
    print(
        f"\n{options.stored(found)}, {found['data']} test images 1 to {found['n']}, "
        f"eps {found['eps']:g}/255, seed {found['seed']}; weights {found['weights']}, code {found['code']}"
    )


def measured(spec: SweepSpec) -> dict[str, Any]:
    """What ``--json`` prints: the guards under PGD of the spec's steps and its one budget."""
    import torch

    from resq import checkpoints
    from resq.measure.engine.faulty_network import FaultyNetwork
    from resq.measure.run import sweep
    from resq.measure.run.gradient_masking import parent_of, run_checks

    checkpoint = checkpoints.load(spec.checkpoint)
    images = sweep.test_images(spec, checkpoint)
    bench, parent = (FaultyNetwork(checkpoint, Encoding.parse(name)) for name in (spec.encoding, "fp32"))
    x, y = sweep.pixels(images), torch.from_numpy(images.y)
    found = run_checks(bench, parent_of(bench, parent)[0], x, y, spec.eps[0], spec.steps, spec.seed)
    return {
        "checkpoint": spec.checkpoint,
        "data": images.name,
        "encoding": spec.encoding,
        "n": len(images),
        "eps": spec.eps[0],
        "steps": spec.steps,
        "seed": spec.seed,
        "weights": checkpoint.hash,
        "images": images.hash,
        "code": sweep.code_hash(),
        "guards": [guard.row() for guard in found],
    }
