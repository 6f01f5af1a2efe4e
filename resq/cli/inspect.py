"""What a deployed file stores and how its runtime takes it: layers, words, ranges, bits, input, output."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from resq import data, jobs
from resq.cli import options
from resq.deployed import canary, remembered, words
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.deployed.words import Stored
from resq.measure.run import machine
from resq.measure.run.deployed import default_sums, file_normals

CHECK = "is every flip in these targets computed with, and how long does a fault map take"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("file", help="a .tflite, .onnx or .pt2 file")
    parser.add_argument("--targets", default="all", help="which words: all (default), weights, scales, ...")
    options.add_inputs(parser)
    parser.add_argument("--data", default="", help="also run it on images of this data set: " + CHECK)
    parser.add_argument("--stream", action="store_true", help="print it as one JSON line")


def run(arguments: argparse.Namespace) -> None:
    """Reads the file and prints what is in it."""
    if arguments.stream:
        jobs.watch_parent()
    with Network(arguments.file, arguments.targets, Asked.parse(options.inputs(arguments))) as network:
        report = about(network)
        if arguments.data:
            report["check"] = checked(network, arguments.data)
    if arguments.stream:
        print(options.line(report), flush=True)
    elif arguments.json:
        print(options.dump(report))
    else:
        _print(report)


def about(network: Network) -> dict[str, Any]:
    """What the file stores, as ``--json`` prints it."""
    parsed, raw = network.parsed, np.frombuffer(network.parsed.memory, np.uint8)
    return {
        "file": network.file.name,
        "name": network.name,
        "sha256": network.hash,
        "carrier": parsed.carrier,
        "bytes": Path(network.file).stat().st_size,
        "input": {**_end(parsed.input), "pixels": _pixels(network)},
        "output": {
            **_end(parsed.output),
            "classes": max(0, *parsed.output.shape[-1:], 0),
            "labels": list(parsed.labels),
        },
        "targets": {kind: _sum([s for s in parsed.stored if s.kind == kind]) for kind in words.KINDS},
        "layers": [_layer(raw, tensor) for tensor in network.stored],
        "notes": list(parsed.notes),
    }


def _pixels(network: Network) -> str:
    try:
        return str(network.pixels)
    except ValueError as error:
        return f"not known: {error}"


def _end(tensor: words.Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape), "scale": tensor.scale,
            "zero_point": tensor.zero}  # fmt: skip


def _sum(tensors: list[Stored]) -> dict[str, int]:
    return {"tensors": len(tensors), "words": sum(s.count for s in tensors),
            "bits": sum(s.count * s.width for s in tensors)}  # fmt: skip


def _layer(raw: np.ndarray, tensor: Stored) -> dict[str, Any]:
    numbers = words.numbers(raw, tensor)
    scales = np.asarray(tensor.scale)
    return {
        "name": tensor.name,
        "kind": tensor.kind,
        "operator": tensor.op,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "words": tensor.count,
        "bits": tensor.count * tensor.width,
        "byte": tensor.at,
        "least": float(numbers.min()),
        "greatest": float(numbers.max()),
        "scales": len(scales),
        "axis": tensor.axis,
        "least_scale": float(scales.min()) if len(scales) else None,
        "greatest_scale": float(scales.max()) if len(scales) else None,
    }


def checked(network: Network, name: str) -> dict[str, Any]:
    """What the canary found on images of a data set."""
    whole = data.load(name, "test")
    began = time.monotonic()
    some = whole.first(min(len(whole), canary.TIMED)).pixels
    settled = remembered.settle(network, some, processor=machine.processor())
    return {
        "seconds": round(time.monotonic() - began, 2),
        "runtime": network.runtime,
        "way": settled.way,
        "batch": settled.batch,
        "threads": settled.threads,
        "images": settled.images,
        "unread": list(settled.unread),
        "seconds_per_map": settled.seconds,
        "notes": [*file_normals.sentences(network, whole), *default_sums.sentences(network, whole)],
    }


def _print(report: dict[str, Any]) -> None:
    print(f"{report['file']}: {report['carrier']}, {report['bytes']:,} bytes, SHA-256 {report['sha256']}…")
    for end in ("input", "output"):
        info = report[end]
        quantizer = f", scale {info['scale']:g}, zero point {info['zero_point']}" if info["scale"] else ""
        print(f"{end}: {info['dtype']} {tuple(info['shape'])}{quantizer}")
    print(f"pixels: {report['input']['pixels']}")
    if labels := report["output"]["labels"]:
        print(f"classes: {', '.join(labels):.300} ({len(labels)}, the file's metadata)")
    print()
    options.print_table(
        [{"kind": k, **{n: f"{v:,}" for n, v in s.items()}} for k, s in report["targets"].items()]
    )
    print()
    options.print_table([_line(layer) for layer in report["layers"]])
    for note in report["notes"]:
        print(f"note: {note}")
    if "check" in report:
        _print_check(report["check"])


def _line(layer: dict[str, Any]) -> dict[str, str]:
    scale = ""
    if layer["scales"]:
        scale = f"{layer['least_scale']:.3g}"
        if layer["scales"] > 1:
            scale += f" to {layer['greatest_scale']:.3g}, axis {layer['axis']}"
    name = layer["name"]
    return {
        "layer": name if len(name) <= 48 else f"{name[:22]}…{name[-25:]}",
        "kind": layer["kind"],
        "operator": layer["operator"],
        "words": f"{layer['words']:,}",
        "dtype": layer["dtype"],
        "shape": "x".join(map(str, layer["shape"])) or "one",
        "range": f"{layer['least']:g} to {layer['greatest']:g}",
        "scale": scale,
        "byte": str(layer["byte"]) if layer["byte"] >= 0 else "-",
    }


def _print_check(check: dict[str, Any]) -> None:
    threads = "one thread" if check["threads"] == 1 else f"{check['threads']} threads"
    print(
        f"\n{check['runtime']}: flips reach it by {check['way']}, images in batches of {check['batch']} "
        f"on {threads}"
    )
    for note in check["notes"]:
        print(note)
    for way, seconds in check["seconds_per_map"].items():
        print(f"a fault map on {check['images']} images by {way}: {1000 * seconds:.1f} ms")
    if check["unread"]:
        print(f"never computed with: {', '.join(check['unread'])}")
    else:
        print("every tensor's flips change its answers, and undoing them brings them back bit for bit")
