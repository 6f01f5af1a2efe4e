"""What ``flip`` and ``sensitivity --measured`` do with a deployed file and its runtime."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
from tqdm import tqdm

from resq import jobs
from resq.cli import options
from resq.core.errors import ResqError
from resq.measure.analysis import layer_heatmap
from resq.measure.run.deployed import file_cells, file_flip
from resq.measure.store import table


def flip(arguments: argparse.Namespace) -> None:
    """Flips bits of one word, and prints the word and the answers to one image.

    Raises:
        ResqError: no data set was named.
    """
    if arguments.stream:
        jobs.watch_parent()
    report = file_flip.run(flip_asked(arguments))
    if arguments.stream:
        print(options.line(report), flush=True)
    elif arguments.json:
        print(options.dump(report))
    else:
        options.first(arguments)
        _print(report)


def flip_asked(arguments: argparse.Namespace) -> file_flip.FileFlip:
    """The flip of a file that the options spell."""
    return file_flip.FileFlip(
        arguments.checkpoint, _data(arguments), arguments.layer, arguments.weight, arguments.bits,
        arguments.image, arguments.targets, options.inputs(arguments),
    )  # fmt: skip


def layers_asked(arguments: argparse.Namespace) -> file_cells.FileLayers:
    """The heatmap of a file that the options spell."""
    return file_cells.FileLayers(
        arguments.checkpoint, _data(arguments), maps=arguments.maps, share=arguments.share, n=arguments.n,
        seed=arguments.seed, singles=arguments.singles, targets=arguments.targets,
        inputs=options.inputs(arguments),
    )  # fmt: skip


def _data(arguments: argparse.Namespace) -> str:
    if not arguments.data:
        raise ResqError(
            f"{arguments.checkpoint} does not say which images it is for; say --data, such as cifar10"
        )
    return str(arguments.data)


def _print(report: dict[str, Any]) -> None:
    (a, b), (v, w) = report["word"], report["value"]
    values = "" if v is None else f", it stands for {v:.6g} -> {w:.6g}"
    print(f"{report['layer']}, word {report['place']}: {a:#x} -> {b:#x}{values}; "
          f"the image shows {report['classes'][report['label']]}")  # fmt: skip
    options.print_table([_line(name, p, report["classes"]) for name, p in
                         zip(("as stored", "flipped"), report["answers"], strict=True)])  # fmt: skip
    print(f"{report['runtime']}; file {report['hashes']['weights']}, image {report['hashes']['image']}")


def _line(name: str, p: list[float] | None, classes: list[str]) -> dict[str, str]:
    best = max(range(len(classes)), key=lambda i: p[i]) if p else -1
    return {
        "words": name,
        "answer": classes[best] if p else "",
        "sure": options.percent(p[best]) if p else "no number",
    }


def sensitivity(arguments: argparse.Namespace, text: Callable[[pd.DataFrame], str]) -> None:
    """Measures a file's heatmap on its runtime and prints it.

    Args:
        text: what people are given of a table of rows.
    """
    spec = layers_asked(arguments)
    rows = _rows(spec, arguments.stream)
    frame = layer_heatmap.frame(rows)
    if arguments.out:
        table.write(frame, arguments.out)
    alone = frame[frame["kind"] == "single"]
    cells = frame[frame["kind"] == "measured"]
    if arguments.json:
        print(options.dump({**layer_heatmap.summary(cells), "worst": file_cells.worst(rows)}))
    elif not arguments.stream:
        options.first(arguments)
        print(text(cells))
        if len(alone):
            _print_worst(file_cells.worst(rows), len(alone))


def _rows(spec: file_cells.FileLayers, stream: bool) -> list[dict[str, Any]]:
    """All rows, told as they come where that was asked for."""
    if stream:
        jobs.watch_parent()
    rows, total = [], 0
    for row in tqdm(file_cells.run(spec), desc=spec.file, unit="row", leave=False, delay=1):
        if "total" in row:
            total = row["total"]
            if stream:
                print(json.dumps({"total": total}), flush=True)
            continue
        rows.append(row)
        if stream:
            print(json.dumps({"row": row}), flush=True)
    return rows


def _print_worst(worst: list[dict[str, Any]], tried: int) -> None:
    print(f"\nthe most harmful of {tried} words that were flipped alone:")
    options.print_table([
        {"layer": row["layer"], "word": str(row["word"]), "bit": str(row["bit"]),
         "adds to the loss": f"{row['change']:+.4g}", "right answers lost": str(row["lost"])}
        for row in worst
    ])  # fmt: skip
