"""What the Layers page shows of a heatmap: values and sentences, no widgets and no pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dashboard.format import numbers
from dashboard.model import bit_view
from resq.core import Encoding, lone_flips
from resq.measure.analysis import layer_heatmap, stats
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec

BER = 1e-3  # of the bars: one layer alone at this bit error rate
KINDS = {"measured": "measured", "instant": "estimated", "pvf": "PVF"}
COUNTED = {"pvf": "share of answers changed"}  # else it is the loss


def of(rows: pd.DataFrame, net: str, enc: str) -> pd.DataFrame:
    """The rows of one network in one encoding; of several measurements the one with the most maps x images.

    Estimates and measurements are chosen apart.
    """
    measured = rows[(rows["checkpoint"] == net) & (rows["encoding"] == enc)]
    best = [_best(part) for _, part in measured.groupby("kind", sort=False)]
    return pd.concat(best, ignore_index=True) if best else measured


@dataclass(frozen=True, eq=False)
class Heatmap:
    """All that is shown of one network in one encoding.

    Attributes:
        rows: everything behind it.
        cells: kind -> lines of ``layer_heatmap.cells`` with ``shown``; a kind without rows is not there.
        totals: kind -> lines of ``totals``.
        pairs, agreement: of the two kinds, where both are there.
        own: kinds that were made on this server, not read from a file.
        said: kind -> what its picture shows.
        at: (kind, layer, bit) -> the cell; a click asks for one of many.
        estimates: (layer, bit) -> the row of its estimate.
    """

    rows: pd.DataFrame
    cells: dict[str, pd.DataFrame]
    totals: dict[str, pd.DataFrame]
    findings: dict[str, str]
    at: dict[tuple[str, str, int], dict[Any, Any]]
    estimates: dict[tuple[str, int], dict[Any, Any]]
    pairs: pd.DataFrame | None = None
    agreement: layer_heatmap.Agreement | None = None
    own: tuple[str, ...] = ()

    @cached_property
    def commands(self) -> list[str]:
        """What makes exactly these rows again."""
        return commands(self.rows)

    @cached_property
    def specs(self) -> dict[str, LayerSpec]:
        """Kind -> what makes exactly its rows again; empty without rows."""
        return specs(self.rows)


def commands(rows: pd.DataFrame) -> list[str]:
    """The commands that make exactly these rows of one network in one encoding again, a line for each."""
    kinds, made = dict(list(rows.groupby("kind"))), specs(rows)
    if "instant" in made and _with_it(kinds):
        del made["instant"]  # a measurement begins with the estimate on its images
    return [spec.command for spec in made.values()]


def specs(rows: pd.DataFrame) -> dict[str, LayerSpec]:
    """Kind -> what makes exactly its rows of one network in one encoding again."""
    kinds, made = dict(list(rows.groupby("kind"))), {}
    for kind in (kind for kind in ("measured", "pvf", "instant") if kind in kinds):
        row = kinds[kind].iloc[0]
        of: dict[str, Any] = {"data": row["data"] if row["data"] != row["checkpoint"].split("/")[0] else ""}
        if kind == "measured":
            of["share"] = float(row["share"])
        maps = 0 if kind == "instant" else int(kinds[kind]["map"].max()) + 1
        made[kind] = LayerSpec(
            row["checkpoint"], encoding=row["encoding"], n=int(row["n"]), seed=int(row["seed"]), maps=maps,
            metric="pvf" if kind == "pvf" else "loss", **of,
        )  # fmt: skip
    return made


def _with_it(kinds: dict[Any, pd.DataFrame]) -> bool:
    """Whether the measured rows are on the images and of the seed of the estimated ones."""
    same = ["n", "seed"]
    return "measured" in kinds and kinds["measured"].iloc[0][same].equals(kinds["instant"].iloc[0][same])


def heatmap(rows: pd.DataFrame, own: tuple[str, ...] = ()) -> Heatmap:
    """Rows of one network in one encoding, summarised; ``own``: the kinds that were made on this server."""
    cells_of = {kind: shown(layer_heatmap.cells(rows, kind)) for kind in KINDS if kind in set(rows["kind"])}
    sums = {kind: totals(cells) for kind, cells in cells_of.items()}
    findings = {kind: finding(cells) for kind, cells in cells_of.items()}
    at = {
        (kind, c["layer"], c["bit"]): c for kind, cells in cells_of.items() for c in cells.to_dict("records")
    }
    estimates = rows[rows["kind"] == "instant"].drop_duplicates(["layer", "bit"]).to_dict("records")
    placed = {(row["layer"], row["bit"]): row for row in estimates}
    whole = Heatmap(rows, cells_of, sums, findings, at, placed, own=own)
    if not {"measured", "instant"} <= set(cells_of):
        return whole
    both = cells_of["measured"], cells_of["instant"]
    return replace(whole, pairs=layer_heatmap.pairs(*both), agreement=layer_heatmap.agreement(*both))


def clicked_cell(points: Sequence[Mapping[str, Any]]) -> tuple[str, int | None] | None:
    """Layer and bit of a click on the picture; a bar has no bit; None for a click that chose nothing."""
    data = list(points[-1].get("customdata") or ()) if points else []
    if not data:
        return None
    return str(data[0]), int(data[1]) if len(data) > 1 else None


def readable(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells as a table for people."""
    columns = {
        "layer": cells["layer"].map(short), "bit": cells["bit"], "per flipped bit": cells["mean"],
        "95 % low": cells["low"], "95 % high": cells["high"],
    }  # fmt: skip
    if (cells["kind"] == "pvf").all():
        columns |= {"single flips": cells["maps"]}
    if (cells["kind"] == "measured").all():
        columns |= {"accuracy lost, points": (100 * cells["drop"]).round(2), "flips a map": cells["flips"],
                    "maps": cells["maps"]}  # fmt: skip
    return pd.DataFrame({**columns, **{k: cells[k] for k in ("n", "seed", "weights", "images")}})


def _best(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one measurement: one n, share, seed and set of weights."""
    groups = [part for _, part in rows.groupby(["weights", "n", "share", "seed"], sort=False)]
    return max(groups, key=lambda part: int(part["n"].sum()))


def shown(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells with ``hover``, and ``shown``: the mean where it is positive and above its noise, else NaN."""
    noise = (cells["kind"] != "instant") & ~(cells["low"] > 0)
    stored = _stored(cells)
    hovers = [hover(cell, stored[cell["layer"]]) for cell in cells.to_dict("records")]
    return cells.assign(shown=cells["mean"].where((cells["mean"] > 0) & ~noise), hover=hovers)


def _stored(cells: pd.DataFrame) -> dict[str, Encoding]:
    """How each layer of one network is stored; words of a file as they are, plain ones."""
    name = str(cells["encoding"].iloc[0])
    encoding = Encoding() if name == AS_STORED else Encoding.parse(name)
    return {layer: encoding.of(i) for i, layer in enumerate(dict.fromkeys(cells["layer"]))}


def totals(cells: pd.DataFrame) -> pd.DataFrame:
    """Per layer: what it adds to the loss when its bits alone flip at BER, ``mean`` and ``half`` interval.

    The sum over its bits of the change per flipped bit times the flips to expect; half widths add as the
    errors of independent maps do. NaN where flips do not add up, see ``lone_flips``. Of a PVF it is the
    layer's own, over all its bits, with ``half`` above it and ``below`` under it.
    """
    if (cells["kind"] == "pvf").all():
        return _shares(cells)
    flips, stored = cells["words"] * BER, _stored(cells)
    adds = cells["layer"].map({layer: lone_flips.add_up(encoding) for layer, encoding in stored.items()})
    half = ((cells["high"] - cells["mean"]) * flips).fillna(0) ** 2
    each = cells.assign(mean=(cells["mean"] * flips).where(adds), half=half.where(adds))
    sums = each.groupby("layer", sort=False)[["mean", "half"]].sum(min_count=1).reset_index()
    half = np.sqrt(sums["half"])
    return sums.assign(half=half, below=half, words=_weights_of_layers(cells), kind=cells["kind"].iloc[0])


def _shares(cells: pd.DataFrame) -> pd.DataFrame:
    """The PVF of every layer: the mean over its bits, each tried by as many flips."""
    flips = cells.groupby("layer", sort=False)["maps"].sum().to_numpy()
    sums = cells.groupby("layer", sort=False)["mean"].mean().reset_index()
    spans = np.array([stats.wilson(m, int(n)) for m, n in zip(sums["mean"], flips, strict=True)])
    half, below = spans[:, 1] - sums["mean"], sums["mean"] - spans[:, 0]
    return sums.assign(half=half, below=below, words=_weights_of_layers(cells), kind="pvf")


def _weights_of_layers(cells: pd.DataFrame) -> np.ndarray:
    """Weights of every layer, int64, in the order of the cells."""
    return cells.groupby("layer", sort=False)["words"].first().to_numpy()


def hover(cell: Mapping[Any, Any], encoding: Encoding) -> str:
    """All that makes one cell checkable, of a layer that is stored so."""
    if cell["kind"] == "pvf":
        lines = [f"<b>{short(cell['layer'])}, bit {cell['bit']}</b>", changed(cell)]
        return "<br>".join([*lines, f"n = {cell['n']}, seed {cell['seed']}, weights {cell['weights'][:8]}"])
    alone = cell["kind"] != "measured" or lone_flips.add_up(encoding)
    each = "one flipped bit" if alone else f"each of {cell['flips']:,} bits flipped at once"
    lines = [f"<b>{short(cell['layer'])}, bit {cell['bit']}</b>", f"{each}: {change(cell['mean'])}"]
    if cell["kind"] == "measured":
        lines.append(f"95 % over {cell['maps']} maps: {change(cell['low'])} to {change(cell['high'])}")
        of = cell["words"] * encoding.copies
        lines.append(f"{cell['flips']:,} of {of:,} flipped: accuracy {points(cell['drop'])}")
    else:
        lines.append(f"estimated from gradients; {cell['words']:,} weights")
    return "<br>".join([*lines, f"n = {cell['n']}, seed {cell['seed']}, weights {cell['weights'][:8]}"])


def changed(cell: Mapping[Any, Any] | pd.Series) -> str:
    """The PVF of a cell with its interval, in words."""
    low, high = 100 * max(0.0, cell["low"]), 100 * min(1.0, cell["high"])
    return (
        f"one flipped bit changes {numbers.percent(cell['mean'])} of the answers to {cell['n']} images (95 % "
        f"over {cell['maps']} single flips: {low:.1f} to {high:.1f}{numbers.THIN}%)"
    )


def short(name: str) -> str:
    """A layer's name as people say it."""
    return name.removesuffix(".weight")


def change(value: float) -> str:
    """A change of the loss with its sign.

    >>> change(0.00123), change(-2e-7), change(float("nan"))
    ('+0.00123', '−2·10⁻⁷', 'no interval')
    """
    if np.isnan(value):
        return "no interval"
    return ("+" if value > 0 else "") + numbers.number(value)


def points(drop: float) -> str:
    """Lost accuracy in points, with its sign.

    >>> points(0.0123), points(0.0001)
    ('−1.2 points', '+0.0 points')
    """
    return f"{round(-100 * drop, 1) + 0.0:+.1f} points".replace("-", "−")  # no negative zero


def total_hover(name: str, line: pd.Series) -> str:
    """A bar of the totals, in words."""
    if line["kind"] == "pvf":
        low, high = (100 * (line["mean"] + by) for by in (-line["below"], line["half"]))
        return (
            f"<b>{short(name)}</b>: one flipped bit changes {numbers.percent(line['mean'])} of the answers"
            f"<br>95 %: {low:.1f} to {high:.1f}{numbers.THIN}%"
        )
    if np.isnan(line["mean"]):
        return f"<b>{short(name)}</b>: no bar, {lone_flips.UNDONE}"
    return (
        f"<b>{short(name)}</b>: {change(line['mean'])}{_half_width(line)}<br>its "
        f"{int(line['words']):,} weights alone at BER {numbers.power(BER)}"
    )


def fields(enc: str) -> list[tuple[str, int, int]]:
    """(name, highest bit, lowest bit) of the parts of a stored word, short enough to stand over them.

    Where layers are stored apart in other words, a bit is not the same part in all: they are one part then.
    """
    encoding, parts = Encoding.parse(enc), []
    if encoding.other is not None and encoding.other.word != encoding.base.word:
        return [(f"{encoding.base}, or {encoding.other}", encoding.word_bits - 1, 0)]
    for field in sorted(bit_view.fields(encoding), key=lambda field: -field.bits[0]):
        name = {"code": "code", "sign": "sign", "copy": "copies"}.get(field.kind, field.kind)
        if field.kind == "code" and encoding.code == "magnitude":
            name = "magnitude"
        parts.append(
            (
                f"{name} of {field.name.split()[-1]}" if field.kind == "copy" else name,
                field.bits[0],
                field.bits[-1],
            )
        )
    return parts


def bits(enc: str) -> list[int]:
    """Stored bits, the top one first."""
    return list(range(Encoding.parse(enc).word_bits - 1, -1, -1))


def top(enc: str) -> int:
    """The bit that is shown at first: the top bit of the code, or of the exponent."""
    parts = bit_view.fields(Encoding.parse(enc))
    return next((f.bits[0] for f in parts if f.kind == "exponent"), parts[0].bits[0])


def finding(cells: pd.DataFrame) -> str:
    """What the picture shows: the worst cell, the worst layer, and how much less the lowest bit does."""
    clear = cells.dropna(subset=["shown"])
    if (cells["kind"] == "pvf").all():
        return _pvf_finding(cells, clear)
    sums = totals(cells)
    if clear.empty:
        none = "No cell stands above its noise: with these maps and images nothing can be told from zero."
        return " ".join([none, *_without_bar(cells, sums, str(cells["layer"].iloc[0]))])
    most = clear.iloc[int(clear["shown"].argmax())]
    first = (
        f"Most harmful per flipped bit: {short(most['layer'])}, bit {most['bit']}, of {len(cells):,} cells "
        f"({change(most['mean'])} on a loss of {numbers.number(most['loss'])}{_noise(most)})."
    )
    return " ".join([first, *_worst_layer(sums), *_without_bar(cells, sums, most["layer"])])


def _worst_layer(sums: pd.DataFrame) -> list[str]:
    """The layer with the largest sum, or that it is not told from zero; nothing where no layer has one."""
    known = sums.dropna(subset=["mean"])
    if known.empty:
        return []
    most = known.iloc[int(known["mean"].argmax())]
    among = "" if len(known) == len(sums) else ", of the layers with a bar"
    at = f"{change(most['mean'])}{_half_width(most)} at BER {numbers.power(BER)}"
    if most["half"] > 0 and most["mean"] <= most["half"]:
        none = f"At an equal bit error rate no layer is told from zero{among}"
        return [f"{none}: the largest sum is {short(most['layer'])}'s, {at}."]
    return [f"Most harmful at an equal bit error rate{among}: {short(most['layer'])} ({at})."]


def _without_bar(cells: pd.DataFrame, sums: pd.DataFrame, usual: str) -> list[str]:
    """Why layers have no bar, and what measures one of them at a rate: ``usual``, if it is among them."""
    lacking = list(sums["layer"][sums["mean"].isna()])
    if not lacking:
        return []
    first, layer = cells.iloc[0], usual if usual in lacking else lacking[0]
    sweep = SweepSpec(first["checkpoint"], encoding=first["encoding"], layers=(layer,), bers=(0.0, BER))
    have = "has" if len(lacking) == 1 else "have"
    some = f"{len(lacking)} of {len(sums)} layers {have} no"
    who = "No layer has a" if len(lacking) == len(sums) else some
    return [f"{who} bar: {lone_flips.UNDONE}; `{sweep.command}` measures {short(layer)} at one."]


def _pvf_finding(cells: pd.DataFrame, clear: pd.DataFrame) -> str:
    """What a picture of PVF shows: its largest cell, and in how many no flip changed an answer."""
    silent, first = cells[cells["mean"] == 0], ""
    if not clear.empty:
        most = clear.iloc[int(clear["shown"].argmax())]
        first = f"{short(most['layer'])}, bit {most['bit']}, is the most telling: {changed(most)}. "
    if silent.empty:
        return first.strip()
    maps, high = int(silent["maps"].max()), 100 * float(silent["high"].max())
    return (
        f"{first}In {len(silent):,} of {len(cells):,} cells none of {maps} single flips changed an answer: "
        f"there it is at most {high:.0f}{numbers.THIN}% (95{numbers.THIN}%)."
    )


def _noise(cell: Mapping[Any, Any] | pd.Series) -> str:
    """How well the change per flipped bit of a measured cell is known, and what it is a share of."""
    if cell["kind"] != "measured":
        return ", an estimate"
    many = f"; {cell['flips']:,} flips at once, shared among them" if cell["flips"] > 1 else ""
    return f"; {noise(cell)}{many}"


def noise(cell: Mapping[Any, Any] | pd.Series) -> str:
    """The interval of a measured change per flipped bit, over fault maps."""
    if np.isnan(cell["low"]):
        return "one map: no interval"
    span = f"{change(cell['low'])} to {change(cell['high'])}"
    return f"95 % of this cell alone, over {cell['maps']} maps, {span}"


def _half_width(line: pd.Series) -> str:
    return f" ± {numbers.number(line['half'])}" if line["half"] > 0 else ""


def provenance(cells: pd.DataFrame, source: str) -> str:
    """Where the numbers come from, in one line."""
    first = cells.iloc[0]
    share = f"{100 * first['share']:g} % of its bits together, at least 16"
    how = (
        f"{int(cells['maps'].max())} fault maps a cell, {share}"
        if first["kind"] == "measured"
        else "estimated to second order from gradients"
    )
    if first["kind"] == "pvf":
        how = f"{int(cells['maps'].max())} single flips a cell"
    return (
        f"{source} · {how} · {first['data']} test images 1 to {first['n']} · seed {first['seed']} · "
        f"weights {first['weights'][:8]} · images {first['images'][:8]}"
    )


def agreement(both: layer_heatmap.Agreement) -> str:
    """The rank correlation in a sentence."""
    if np.isnan(both.rho):
        return f"Only {both.used} of {both.of} cells stand above their noise: too few for a rank correlation."
    return (
        f"Spearman's rank correlation {both.rho:.3f} (95 % over cells: {both.low:.3f} to {both.high:.3f}) "
        f"over the {both.used} of {both.of} cells whose measured change stands above its own noise."
    )
