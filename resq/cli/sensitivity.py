"""Which layers and which bits matter: the change of the loss per flipped bit, estimated or measured."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from resq import jobs
from resq.cli import filewords, options
from resq.core import Encoding, lone_flips
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.analysis import layer_heatmap
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.specs import sdc_rates
from resq.measure.specs.sweep_spec import AS_STORED
from resq.measure.store import table

SHADES = " ░▒▓█"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    options.add_network(parser, seed="fault maps and random signs")
    parser.add_argument("--data", default="", help="data set to measure on; default: the checkpoint's own")
    options.add_file(parser, data=False)
    parser.add_argument(
        "--singles", type=int, default=0, help="of a deployed file: then flip so many words of each of its "
        "eight worst cells alone (default 0)",
    )  # fmt: skip
    parser.add_argument("--n", type=int, default=256, help="the first N test images (default 256)")
    parser.add_argument(
        "--measured", action="store_true", help="also flip bits and measure, cell by cell: minutes"
    )
    parser.add_argument(
        "--metric", default="loss", choices=layer_heatmap.MAPPED,
        help="loss (default), what flips add to it; or pvf, the share of answers that a single flip changes",
    )  # fmt: skip
    parser.add_argument(
        "--maps", type=int, default=5, help="fault maps per measured cell (default 5); of pvf, single flips"
    )
    parser.add_argument(
        "--share", type=float, default=0.01, help="share of a cell's bits that flip together (default 0.01)"
    )
    options.add_device(parser)
    parser.add_argument("--out", type=Path, help="also write the rows to this .parquet file")
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines as they are measured")


def run(arguments: argparse.Namespace) -> None:
    """Makes the heatmap and prints it."""
    if arguments.out is not None and (arguments.out.suffix != ".parquet" or arguments.out.exists()):
        reason = "exists already" if arguments.out.exists() else "is no .parquet file"
        raise ResqError(f"{arguments.out} {reason}; nothing was run and nothing overwritten")
    if deployed.is_file(arguments.checkpoint) and arguments.measured:
        filewords.sensitivity(arguments, text)
        return
    if deployed.is_file(arguments.checkpoint):
        if arguments.stream:
            raise ResqError(
                "of a deployed file --stream goes with --measured: an estimate has no rows to wait for"
            )
        from resq.measure.run.deployed import attacked_file  # torch

        _show(arguments, list(attacked_file.estimates(options.file_spec(arguments))))
        return
    spec = layer_spec(arguments)
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": spec.total}), flush=True)
    rows = []
    for row in measured(spec, arguments.device):
        rows.append(row)
        if arguments.stream:
            print(json.dumps({"row": row}), flush=True)
    _show(arguments, rows)


def _show(arguments: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    frame = layer_heatmap.frame(rows)
    if arguments.out:
        table.write(frame, arguments.out)
    if arguments.json:
        print(options.dump(layer_heatmap.summary(frame)))
    elif not arguments.stream:
        options.first(arguments)
        print(text(frame))


def layer_spec(arguments: argparse.Namespace) -> LayerSpec:
    """The heatmap that the options spell."""
    names = ("checkpoint", "data", "encoding", "share", "n", "seed", "metric")
    fields = {k: getattr(arguments, k) for k in names}
    return LayerSpec(**fields, maps=arguments.maps if arguments.measured or fields["metric"] == "pvf" else 0)


def measured(spec: LayerSpec, device: str = "cpu") -> Iterator[dict[str, Any]]:
    """The rows, with a progress bar on standard error."""
    from resq.measure.run import sensitivity  # torch: seconds that a refused spec need not pay
    from resq.platform import devices

    rows = sensitivity.run(spec, devices.chosen(device))
    yield from tqdm(rows, total=spec.total, desc=spec.checkpoint, unit="row", leave=False, delay=1)


def text(frame: pd.DataFrame) -> str:
    """The heatmaps for people: what one flipped bit adds to the loss, darker for more."""
    first, parts = frame.iloc[0], []
    of_kind = {kind: layer_heatmap.cells(frame, kind) for kind in dict.fromkeys(frame["kind"])}
    for kind, cells in of_kind.items():
        parts += [
            f"{kind}: {SAID.get(kind, SAID['measured'])}, bit {cells['bit'].max()} at the left",
            heat(cells),
        ]
    if "pvf" in of_kind:
        parts.append(_sampled(of_kind["pvf"]))
    if len(of_kind) == 2:
        parts.append(_agreement(layer_heatmap.agreement(of_kind["measured"], of_kind["instant"])))
    if "measured" in of_kind and first["encoding"] != AS_STORED:
        parts += _together(Encoding.parse(str(first["encoding"])), of_kind["measured"])
    parts.append(
        f"{options.network_label(dict(first.items()))}, {first['data']} test images 1 to {first['n']}, "
        f"loss without faults {first['loss']:.4f}, seed {first['seed']}; "
        f"weights {first['weights']}, images {first['images']}"
    )
    return "\n\n".join(parts)


def _together(encoding: Encoding, cells: pd.DataFrame) -> list[str]:
    """What a measured change of words that are copied or checked is of; nothing where flips add up."""
    if lone_flips.add_up_everywhere(encoding):
        return []
    return [
        f"{lone_flips.UNDONE}: measured is what up to {cells['flips'].max():,} flips of a cell do together, "
        "shared among them; sweep --layers measures a layer at a rate"
    ]


SAID = {
    "measured": "change of the loss per flipped bit",
    "pvf": "share of answers that a single flip changes",
}


def _sampled(cells: pd.DataFrame) -> str:
    """How many flips were tried, and how many bound a share."""
    encoding, layers = Encoding.parse(cells["encoding"].iloc[0]), cells.groupby("layer", sort=False)
    each = enumerate(layers["words"].first())
    few = sdc_rates.leveugle(min(words * encoding.of(i).copies for i, words in each), 0.05)
    return (
        f"{cells['maps'].max()} single flips a cell; to know a cell's share to within 5 points at 95 % takes "
        f"{few} of the smallest layer's and up to {sdc_rates.leveugle(math.inf, 0.05)} of others (--maps)"
    )


def heat(cells: pd.DataFrame) -> str:
    """One line per layer, one column per bit."""
    known = cells["mean"][cells["mean"] > 0]
    low, high = (math.log10(known.min()), math.log10(known.max())) if len(known) else (0.0, 1.0)
    wide = cells.pivot(index="layer", columns="bit", values="mean").loc[list(dict.fromkeys(cells["layer"]))]
    bits = sorted(wide.columns, reverse=True)
    width = max(len(name) for name in wide.index)
    lines = [" ".join([" " * width, *(f"bit {bit}".ljust(10) for bit in bits)]).rstrip()]
    for name, values in wide.iterrows():
        shown = [f"{_shade(values[bit], low, high)} {values[bit]:<8.1e}" for bit in bits]
        lines.append(" ".join([str(name).ljust(width), *shown]).rstrip())
    return "\n".join(lines)


def _shade(value: float, low: float, high: float) -> str:
    """One of SHADES, on a log scale; blank for nothing, and for flips that help."""
    if not value > 0:
        return SHADES[0]
    return SHADES[1 + min(3, int(4 * (math.log10(value) - low) / max(high - low, 1e-9)))]


def _agreement(agreement: layer_heatmap.Agreement) -> str:
    rho, low, high = agreement.rho, agreement.low, agreement.high
    return (
        f"rank correlation of the two: {rho:.3f} (95 %: {low:.3f} to {high:.3f}) over the "
        f"{agreement.used} of {agreement.of} cells whose measured change stands above its own noise"
    )
