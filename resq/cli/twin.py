"""How far a deployed file's differentiable twin is from its runtime: answers, and where the layers part."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from resq import data
from resq.cli import options
from resq.core.errors import ResqError
from resq.deployed.network import Network
from resq.deployed.pixels import Asked

if TYPE_CHECKING:
    from resq.deployed.twin.check import Check


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("file", help="a .tflite, .onnx or .pt2 file")
    parser.add_argument("--data", required=True, help="data set whose test images both are given")
    options.add_inputs(parser)
    options.add_result(parser, 200, "the first N test images")


def run(arguments: argparse.Namespace) -> None:
    """Compares and prints."""
    if arguments.n < 1:
        raise ResqError(f"n must be at least 1, got {arguments.n}")
    with Network(arguments.file, "all", Asked.parse(options.inputs(arguments)), threads=1) as network:
        check = compared(network, arguments.data, arguments.n)
        about = {"file": network.file.name, "sha256": network.hash, "data": arguments.data}
    parting = check.parting
    report = {**about, **asdict(check), "parting": parting.name if parting else None}
    if not options.write_result(arguments, report):
        _print(about, check)


def compared(network: Network, name: str, n: int) -> Check:
    """The runtime beside the twin on the first test images of a data set.

    Raises:
        ValueError: images of other classes, fewer of them, or operators that a twin does not compute.
    """
    from resq.deployed.twin.check import compare
    from resq.deployed.twin.module import Twin
    from resq.measure.run.deployed import file_classes

    images = data.load(name, "test").first(n)
    file_classes.check(network, images, name)
    return compare(network, Twin(network), images.pixels, images.y)


def _print(about: dict[str, Any], check: Check) -> None:
    options.print_table(
        [
            {
                "layer": layer.name if len(layer.name) <= 48 else f"{layer.name[:22]}…{layer.name[-25:]}",
                "operator": layer.op,
                "equal": options.percent(layer.same),
                "largest": f"{layer.largest:.3g} {layer.unit}",
                "mean": f"{layer.mean:.3g}",
            }
            for layer in check.layers
        ]
    )
    print(f"\n{_layers(check)}")
    print(
        f"{about['file']} by {check.runtime} and its twin on {check.n} images of {about['data']}: "
        f"{options.percent(check.agree)} of the answers are the same, {options.percent(check.same)} of "
        f"the numbers equal; differences at most {check.largest:.3g}, on average {check.mean:.3g}, of "
        f"numbers that span {check.span:.3g}"
    )
    print(
        f"right: the runtime {check.right}, the twin {check.twin_right} of {check.n}; "
        f"SHA-256 {about['sha256']}…"
    )


def _layers(check: Check) -> str:
    """A sentence about the layers."""
    if check.said:
        return f"no layers are compared: {check.said}"
    own = (
        ""
        if check.undisturbed
        else "; made to show its layers, the runtime answers other numbers than by itself"
    )
    if check.parting is None:
        return f"no layer parts from the runtime's on {check.layered} images{own}"
    return f"on {check.layered} images the two part first at {check.parting.name}{own}"
