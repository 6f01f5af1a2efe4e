"""The layer heatmap as rows: what is asked for, one line per cell and map, summaries, how well two agree.

A cell is one bit plane of one layer. pandas and scipy only, so that a page reads heatmaps without torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resq import checkpoints
from resq.core import Encoding, commands, lookup, validation
from resq.core.errors import ResqError
from resq.measure.analysis.stats import t_half_width, wilson
from resq.measure.specs.sweep_spec import opened_in
from resq.measure.store import table

# Column -> (type, meaning). Estimated rows have kind "instant", no map and no counts of right answers.
COLUMNS: dict[str, tuple[str, str]] = {
    "checkpoint": ("str", "data/network/variant"),
    "network": ("str", "architecture"),
    "data": ("str", "data set measured on"),
    "encoding": ("str", "how weights are stored"),
    "kind": ("str", "measured; instant: estimated from gradients; or pvf: single flips, change is a share"),
    "layer": ("str", "name of the weight"),
    "bit": ("int64", "bit of the stored word, 0 the least significant"),
    "words": ("int64", "weights of the layer"),
    "map": ("int64", "number of the fault map"),
    "flips": ("int64", "bits of the cell that flipped together"),
    "share": ("float64", "asked share of the cell's bits"),
    "n": ("int64", "test images, the first n"),
    "loss": ("float64", "mean loss of these images without faults"),
    "change": ("float64", "what the flips added to it"),
    "linear": ("float64", "what the gradient says of exactly these flips"),
    "usual": ("float64", "what the gradient says of as many flips on average"),
    "clean": ("int64", "images right without faults; -1 in estimated rows"),
    "correct": ("int64", "images right with the flips; -1 in estimated rows"),
    "channels": ("object", "estimated rows: the same for each output channel, float32"),
    "worst": ("object", "estimated rows: words whose flip costs most, the first the worst"),
    "costs": ("object", "estimated rows: what each of them is estimated to add"),
    "seed": ("int64", "decides fault maps and random signs"),
    "weights": ("str", "first 16 hex digits of the checkpoint file's SHA-256"),
    "images": ("str", "first 16 hex digits of the images' and labels' SHA-256"),
}
ENDING = "-layers.parquet"
MAPPED = ("loss", "pvf")  # what a heatmap may be of


@dataclass(frozen=True)
class LayerSpec:
    """A heatmap: every layer by every stored bit of one network in one encoding.

    Attributes:
        maps: fault maps per cell; 0 estimates and measures nothing.
        share: share of a cell's bits that flip together, at least one bit.
        n: the first n test images.
        metric: "loss", what flips add to it; or "pvf", the share of answers that a single flip changes, with
            ``maps`` single flips per cell (program vulnerability factor).
    """

    checkpoint: str
    data: str = ""
    encoding: str = "int8"
    maps: int = 0
    share: float = 0.01
    n: int = 256
    seed: int = 0
    metric: str = "loss"

    def __post_init__(self) -> None:
        validation.check_types(self, "heatmap")
        Encoding.parse(self.encoding)
        if not 0 < self.share <= 1:
            raise ResqError(f"the share of flipped bits must lie in (0, 1], got {self.share:g}")
        lookup("metric", self.metric, dict.fromkeys(MAPPED))
        for name, least in (("maps", int(self.metric == "pvf")), ("n", 1)):
            if getattr(self, name) < least:
                raise ResqError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.seed < 2**63:
            raise ResqError(f"seed must lie in 0..2**63-1, got {self.seed}")

    @property
    def total(self) -> int:
        """How many rows the heatmap has.

        Raises:
            ValueError: no such checkpoint.
        """
        cells = len(checkpoints.card(self.checkpoint)["weights"]) * Encoding.parse(self.encoding).word_bits
        return cells * (self.maps if self.metric == "pvf" else 1 + self.maps)

    @property
    def hash(self) -> str:
        """16 hex digits that change with any field."""
        fields = asdict(self)
        if self.metric == "loss":
            del fields["metric"]  # what was asked for before there was another keeps its hash
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that make this heatmap; defaults are left out.

        >>> " ".join(LayerSpec("signs/resnet20/base", maps=4).argv())
        'sensitivity signs/resnet20/base --measured --maps 4'
        """
        measured = ["--measured"] * bool(self.maps and self.metric == "loss")
        arguments = ["sensitivity", self.checkpoint, *measured]
        for field in fields_of(self)[1:]:
            value = getattr(self, field.name)
            if value != field.default or (field.name == "encoding" and opened_in(self.checkpoint) != value):
                arguments += [f"--{field.name}", commands.listed([value])]
        return arguments

    @property
    def command(self) -> str:
        """What makes this heatmap in a terminal."""
        return commands.line(self.argv())


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table with exactly the columns of COLUMNS.

    Raises:
        ValueError: a row lacks a column.
    """
    rows = list(rows)
    for row in rows[:1]:
        lacking = [name for name in COLUMNS if name not in row]
        if lacking:
            raise ResqError(f"a row lacks {', '.join(lacking)}")
    heatmap = pd.DataFrame(rows, columns=list(COLUMNS))
    return heatmap.astype({name: kind for name, (kind, _) in COLUMNS.items()})


def read(file: Path) -> pd.DataFrame:
    """A heatmap's rows from a parquet file.

    Raises:
        ValueError: not a parquet file, or without the columns of COLUMNS.
    """
    rows = table.parquet(file, COLUMNS)
    return frame(rows[list(COLUMNS)].to_dict("records"))  # type: ignore[arg-type]


def shipped() -> pd.DataFrame:
    """All heatmaps of assets/results; empty where there are none."""
    files = tuple((p, p.stat().st_mtime_ns) for p in sorted(table.SHIPPED.glob(f"*{ENDING}")))
    return _shipped(files).copy()


@cache
def _shipped(files: tuple[tuple[Path, int], ...]) -> pd.DataFrame:
    tables = [read(file) for file, _ in files]
    return pd.concat(tables, ignore_index=True) if tables else frame([])


def cells(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """One line per cell, layers in the order of the rows, the top bit first.

    Columns beside those of the rows: ``mean``, what one flipped bit adds to the loss on average, the gradient
    taken as a control variate (what it says of the drawn flips gives way to what it says on average);
    ``low``, ``high``, its 95 % t interval over maps (no width where nothing is random, NaN for a single map),
    of a PVF Wilson's over its single flips, which has a width also where none of them changed an answer;
    ``drop``, the accuracy lost while ``share`` of the cell is flipped, ``drop_low``, ``drop_high``; ``maps``.
    """
    rows = rows[rows["kind"] == kind]
    shared = ["checkpoint", "network", "data", "encoding", "kind", "words", "share", "flips", "n", "loss",
              "seed", "weights", "images"]  # fmt: skip
    lines = [
        {
            "layer": layer,
            "bit": bit,
            **part.iloc[0][shared].to_dict(),
            **(_share(part["change"]) if kind == "pvf" else _per_flip(part)),
            **_interval((part["clean"] - part["correct"]) / part["n"], "drop"),
            "maps": len(part),
        }
        for (layer, bit), part in rows.groupby(["layer", "bit"], sort=False)
    ]
    names = ["layer", "bit", *shared, "mean", "low", "high", "drop", "drop_low", "drop_high", "maps"]
    return pd.DataFrame(lines, columns=names)


def _per_flip(part: pd.DataFrame) -> dict[str, float]:
    return _interval((part["change"] - part["linear"] + part["usual"]) / part["flips"], "")


def _share(values: pd.Series) -> dict[str, float]:
    """Mean and 95 % interval of shares, one per flip.

    Wilson's, as if every flip changed all answers or none: no shares of the same mean vary more, so it is
    wide enough for them all.
    """
    mean = float(values.mean())
    low, high = wilson(mean, len(values))
    return {"mean": mean, "low": low, "high": high}


def _interval(values: pd.Series, prefix: str) -> dict[str, float]:
    """Mean and 95 % t interval over maps."""
    changes, mean = values.to_numpy(float), float(values.mean())
    half_width = t_half_width(changes)
    if prefix:
        return {prefix: mean, f"{prefix}_low": mean - half_width, f"{prefix}_high": mean + half_width}
    return {"mean": mean, "low": mean - half_width, "high": mean + half_width}


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of two heatmaps.

    Attributes:
        rho: Spearman's coefficient; low, high: its 95 % interval (Bonett and Wright 2000).
        used: cells whose measured change stands above its own noise; of: all cells.
    """

    rho: float
    low: float
    high: float
    used: int
    of: int


def above_noise(measured: pd.DataFrame) -> pd.Series:
    """Which measured cells have an interval over maps that leaves out zero; bool per line of ``cells``."""
    return (measured["low"] > 0) | (measured["high"] < 0)


def pairs(measured: pd.DataFrame, instant: pd.DataFrame) -> pd.DataFrame:
    """Cells that both know: ``measured``, ``low``, ``high``, ``instant``, ``clear`` (above its own noise)."""
    both = measured.assign(clear=above_noise(measured)).merge(
        instant[["layer", "bit", "mean"]].rename(columns={"mean": "instant"}), on=["layer", "bit"]
    )
    return both.rename(columns={"mean": "measured"})


def agreement(measured: pd.DataFrame, instant: pd.DataFrame) -> Agreement:
    """How alike two heatmaps rank the cells that stand above their noise; NaN for fewer than four."""
    both = pairs(measured, instant)
    clear = both[both["clear"]]
    n = len(clear)
    if n < 4:
        return Agreement(float("nan"), float("nan"), float("nan"), n, len(both))
    rho = float(np.corrcoef(clear["measured"].rank(), clear["instant"].rank())[0, 1])  # Spearman's
    half_width = 1.96 * np.sqrt((1 + rho**2 / 2) / (n - 3))
    z = np.arctanh(min(rho, 1 - 1e-12))
    return Agreement(rho, float(np.tanh(z - half_width)), float(np.tanh(z + half_width)), n, len(both))


def summary(frame: pd.DataFrame) -> dict[str, Any]:
    """The cells of each kind of rows, and how well two kinds agree where both are there."""
    of_kind = {kind: cells(frame, kind) for kind in dict.fromkeys(frame["kind"])}
    result: dict[str, Any] = {kind: part.to_dict("records") for kind, part in of_kind.items()}
    if len(of_kind) == 2:
        result["agreement"] = asdict(agreement(of_kind["measured"], of_kind["instant"]))
    return result
