"""What a sweep prints when it has measured: curves with their intervals, or one JSON object.

In a file of its own: tables and intervals want libraries whose memory a sweep leaves to what it measures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from resq.cli import options
from resq.deployed import network as deployed
from resq.measure.analysis import drawn_images, intervals, joint_grid, stats, stopping_rule
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec
from resq.measure.store import table


def stopped(frame: pd.DataFrame, metric: str = "accuracy") -> str:
    """One line: after how many maps each rate stopped, and the half-width that stopped it."""
    rows = frame[(frame["axis"] == "ber") & (frame["ber"] > 0)].sort_values("map")
    accuracy = (rows["correct"] / rows["n"]).groupby(rows["ber"])
    of = "maps and draws of images" if (rows["sample"] == "random").any() else "maps"
    parts = [
        f"BER {ber:g} {len(seen)} maps, ±{100 * stopping_rule.cautious_half_width(list(seen)):.2f} pp"
        for ber, seen in accuracy
    ]
    same = ", as in the table" if metric == "accuracy" else " of accuracy"
    return f"stopped after: {'; '.join(parts)} (95 % over {of}, counting one more bad map{same})"


def report(
    spec: SweepSpec,
    frame: pd.DataFrame,
    rows: list[dict[str, Any]],
    metric: str = "accuracy",
    narrow: bool = False,
) -> dict[str, Any]:
    """What ``--json`` prints: the spec, the hashes, the summaries as in ``faulty``, the rows."""
    first = rows[0]
    return {
        "checkpoint": spec.checkpoint,
        "data": first["data"],
        "encoding": spec.encoding,
        "fault": spec.fault,
        "region": spec.region,
        "targets": spec.targets,
        "metric": metric,
        "n": first["n"],
        "seed": spec.seed,
        "hashes": {"spec": spec.hash, **{k: first[k] for k in ("weights", "images", "code")}},
        "faulty": faulty(frame, metric, narrow),
        "attacked": attacked(frame),
        **({"joint": joint} if (joint := together(frame)) else {}),
        "rows": [table.plain(row) for row in rows],
    }


def faulty(frame: pd.DataFrame, metric: str = "accuracy", narrow: bool = False) -> list[dict[str, Any]]:
    """One object per bit error rate; low and high bound the mean over fault maps and images (95 %).

    Args:
        narrow: the maps are as many as the stopping rule asked for; intervals are those that belong to it.
    """
    keys = ("maps", "mean", "low", "high", "map_low", "map_high", "image_low", "image_high", "least", "flips",
            "due", "top")  # fmt: skip
    lines = [
        {"ber": row["x"], **{k: row[k] for k in keys}}
        for row in stats.curve(frame, "ber", metric).to_dict("records")
    ]
    ruled = narrow and metric == "accuracy"  # it looks at accuracies alone
    return [_of_rule(line, frame) if ruled and line["maps"] > 1 else line for line in lines]


def _of_rule(line: dict[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    """The line with the interval over maps at which the rule stopped, which the others follow."""
    at = (frame["axis"] == "ber") & (frame["ber"] == line["ber"]) & (frame["top"] == line["top"])
    rows = frame[at]
    maps = stopping_rule.interval((rows["correct"] / rows["n"]).tolist())
    first = rows.iloc[0]
    drawn = {name: first[name] for name in ("sample", "n", "data", "images")}
    low, high = stopping_rule.together({**line, **drawn, "maps": len(rows)}, maps)
    return {**line, "low": low, "high": high, "map_low": maps[0], "map_high": maps[1]}


def attacked(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One object per attack budget; low and high are the Wilson interval over images (95 %)."""
    return [
        {
            "attack": row["attack"],
            "eps": row["x"],
            "steps": row["steps"],
            "restarts": row["restarts"],
            "accuracy": row["mean"],
            "low": row["image_low"],
            "high": row["image_high"],
        }
        for row in stats.curve(frame, "eps").to_dict("records")
    ]


def together(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One object per mode, bit error rate and budget; low and high bound the mean over maps and images."""
    keys = ("mode", "attack", "ber", "eps", "maps", "mean", "low", "high", "least")
    return [{k: row[k] for k in keys} for row in joint_grid.grid(frame).to_dict("records")]


def print_surface(frame: pd.DataFrame) -> None:
    """Accuracy in per cent and the half width of its interval: a line per rate, a column per budget."""
    for (mode, attack), part in joint_grid.grid(frame).groupby(["mode", "attack"], sort=False):
        print(f"\n{attack}, {mode}: accuracy in %, and its 95 % interval over fault maps and images")
        lines = [
            {"BER": f"{ber:g}", **{f"{p['eps']:g}/255": _cell(p) for p in line.to_dict("records")}}
            for ber, line in part.groupby("ber")
        ]
        options.print_table(lines)


def _cell(point: Mapping[Any, Any]) -> str:
    span = "" if math.isnan(point["low"]) else f" ({100 * point['low']:.1f} to {100 * point['high']:.1f})"
    return f"{100 * point['mean']:.1f}{span}"


def print_curves(frame: pd.DataFrame, metric: str = "accuracy", narrow: bool = False) -> None:
    """The summaries for people; ``narrow`` as in ``faulty``."""
    options.print_table(
        [
            {
                "BER": f"{row['ber']:g}",
                metric: options.percent(row["mean"]),
                "95 %": options.span(row["low"], row["high"]),
                "over maps": options.span(row["map_low"], row["map_high"]),
                "over images": options.span(row["image_low"], row["image_high"]),
                "worst map": options.percent(row["least"]),
                "maps": str(row["maps"]),
                "flips": f"{row['flips']:,.0f}",
                "not finite": f"{row['due']:g}",
            }
            for row in faulty(frame, metric, narrow)
        ]
    )
    options.print_table(
        [
            {
                "attack": f"{row['attack']} {row['steps']}x{row['restarts']}",
                "eps": f"{row['eps']:g}/255",
                "accuracy": options.percent(row["accuracy"]),
                "95 % over images": options.span(row["low"], row["high"]),
            }
            for row in attacked(frame)
        ]
    )
    print_surface(frame)
    print("95 %: over fault maps and images together, then over either alone")
    few = {int(row["maps"]) for row in faulty(frame) if row["ber"]}
    for caution_text in filter(None, map(intervals.caution, few)):
        print(caution_text)


UNANSWERED = (
    "not finite: images without an answer, which count as wrong (DUE); where the runtime refuses the file "
    "with its flips, none of a map's images has one"
)
STRUCK = {
    "weights": "struck are the words of the weights; scales, zero points, norms and biases are not",
    "floats": "struck are scales, zero points, norms and biases; the words of the weights are not",
    "all": "struck are the words of the weights and the scales, zero points, norms and biases beside them",
}


def provenance(frame: pd.DataFrame) -> str:
    """What made the numbers, and what was struck."""
    row, faults = frame.iloc[0], frame[(frame["bits"] > 0) & (frame["ber"] > 0)]
    of_file, own_words = deployed.is_file(row["checkpoint"]), row["encoding"] == AS_STORED
    what = f"struck are the file's own {row['targets']}" if own_words else STRUCK[row["targets"]]
    struck = "" if faults.empty else f"{what}: {faults['bits'].iloc[0]:,} bits\n"
    if of_file and (faults["due"] > 0).any():
        struck = f"{UNANSWERED}\n{struck}"
    words = AS_STORED if own_words else f"as {row['encoding']}"
    words += f", run by {row['software']}" if of_file else ""
    sampler = "" if faults.empty else f"sampler {', '.join(dict.fromkeys(faults['fault']))}, "
    hashes = ", ".join(dict.fromkeys(frame["images"]))
    return struck + (
        f"{row['checkpoint']} {words}, {_images(frame)}, "
        f"{sampler}seed {row['seed']}; weights {row['weights']}, images {hashes}, code {row['code']}"
    )


def _images(frame: pd.DataFrame) -> str:
    """Which test images: under an attack the first ones, also where every map draws its own."""
    kinds = frame[["sample", "n", "data", "images"]].drop_duplicates(["sample", "n"]).to_dict("records")
    return " and ".join(
        f"{row['data']} test images 1 to {row['n']}"
        if row["sample"] == "first"
        else f"{row['data']}, {drawn_images.described('random', row['n'], row['data'], row['images'])}"
        for row in kinds
    )


def write(frame: pd.DataFrame, file: Path) -> None:
    """The rows as parquet or CSV, as the file's name says."""
    if file.suffix == ".csv":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(table.csv(frame))
    else:
        table.write(frame, file)
