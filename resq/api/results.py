"""What a measurement gives: rows of counts, and what people ask of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from resq import checkpoints
from resq.api import drawing
from resq.core import commands
from resq.data import own
from resq.measure.analysis import joint_grid, layer_heatmap, stats
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

SHOWN = ["ber", "eps", "mean", "low", "high", "maps", "flips"]


class _Rows:
    """What every result has: rows that follow from a spec, and what measures them in a terminal."""

    def __init__(self, spec: SweepSpec | LayerSpec | None, device: str) -> None:
        self.device, self.command = device, _command(spec, device)

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        raise NotImplementedError

    def save(self, file: str | Path) -> Path:
        """Writes the rows to a new .parquet or .csv file; ``resq.report`` reads that of a ``Result`` alone.

        Raises:
            ValueError: another kind of file, or one that is there already: nothing is overwritten.
        """
        return table.save(self.frame, Path(file))


def _command(spec: SweepSpec | LayerSpec | None, device: str) -> str:
    """As it is now: later this process may have forgotten that the network or the images are its own."""
    if spec is None or own.held(spec.data) or checkpoints.held(spec.checkpoint):
        return ""
    return commands.line([*spec.argv(), *(["--device", device] if device != "cpu" else [])])


class Result(_Rows):
    """Accuracy over bit error rates and attack budgets.

    Attributes:
        rows: one mapping per measured cell, columns as in ``table.COLUMNS``: counts, seed, hashes, the key.
        spec: everything that decides them; ``spec.hash`` names it.
        device: where it was asked to be measured; each row's ``processor`` names what computed it.
        note: what was said while it was measured, such as why a precision was chosen; or "".
        command: what measures the same in a terminal; "" where only this process has the network or images.
    """

    def __init__(
        self, spec: SweepSpec, rows: Sequence[Mapping[str, Any]], note: str = "", device: str = "cpu"
    ) -> None:
        super().__init__(spec, device)
        self.spec, self.rows, self.note = spec, list(rows), note

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a table, one line per cell."""
        return table.frame(self.rows)

    @cached_property
    def curve(self) -> pd.DataFrame:
        """Means with their 95 % intervals: one line per rate and budget, accuracies in 0..1.

        ``low`` and ``high`` bound the mean over fault maps and images; of an attack that over images.
        """
        faulty = stats.curve(self.frame, "ber").rename(columns={"x": "ber"}).assign(eps=0.0)
        attacked = stats.curve(self.frame, "eps").rename(columns={"x": "eps"}).assign(ber=0.0)
        attacked = attacked.assign(low=attacked["image_low"], high=attacked["image_high"])
        parts = [part for part in (faulty, attacked, joint_grid.grid(self.frame)) if len(part)]
        return pd.concat(parts, ignore_index=True)

    def plot(self) -> Any:
        """A Plotly figure: accuracy over the bit error rate, over the budget, or over both at once.

        What was measured of these is drawn whole, one picture below the other, with titles.

        Raises:
            ImportError: the packages of figures are not installed; the sentence names them.
        """
        return drawing.accuracy(self.frame)

    def __repr__(self) -> str:
        lines = self.curve[[name for name in SHOWN if name in self.curve]]
        first = self.rows[0]
        words = str(first["encoding"]).removeprefix("as ")  # of a deployed file "as stored"
        what = f"{first['checkpoint']} as {words}, n = {first['n']}, seed {first['seed']}"
        return f"{what}\n{lines.to_string(index=False, float_format='{:.4g}'.format)}"


class Heatmap(_Rows):
    """What flipped bits add to the loss, layer by layer and bit by bit.

    Attributes:
        rows: one mapping per cell and map, columns as in ``layer_heatmap.COLUMNS``.
        spec: everything that decides them; None of a deployed file.
        command: as of ``Result``; "" of a deployed file.
    """

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], spec: LayerSpec | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(spec, device)
        self.rows, self.spec = list(rows), spec

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        return layer_heatmap.frame(self.rows)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One line per layer and bit: ``mean``, what one flipped bit of it adds to the loss."""
        kinds = set(self.frame["kind"])
        kind = next(kind for kind in ("measured", "pvf", "instant") if kind in kinds)
        return layer_heatmap.cells(self.frame, kind)

    def plot(self) -> Any:
        """A Plotly figure: layers by stored bits, coloured by what one flipped bit adds to the loss.

        Raises:
            ImportError: the packages of figures are not installed; the sentence names them.
        """
        return drawing.heatmap(self.cells)

    def __repr__(self) -> str:
        worst = self.cells.nlargest(5, "mean")[["layer", "bit", "mean"]]
        lines = worst.to_string(index=False, float_format="{:.3g}".format)
        return f"{len(self.cells)} cells; the five worst:\n{lines}"
