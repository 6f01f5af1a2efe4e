"""Sentences about numbers: verdicts, findings, provenance. No streamlit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.format import numbers
from dashboard.format.encodings import stored_as
from dashboard.format.struck import struck
from resq.measure.analysis import drawn_images
from resq.measure.analysis.intervals import caution


@dataclass(frozen=True)
class Verdict:
    """What the flips did to one answer.

    Attributes:
        kind: "same", "changed", "none" (the output is not a number), "wrong" (the same, and not what the
            picture shows) or "righted" (changed to what it shows): right or wrong first, changed second.
    """

    kind: str
    headline: str
    detail: str


def verdict(
    classes: Sequence[str], before: np.ndarray, after: np.ndarray, label: int, flipped: bool
) -> Verdict:
    """The answer before and after, in words.

    Args:
        before, after: probabilities (classes,); NaN where the output is not finite.
        flipped: whether any stored bit differs.
    """
    if np.isnan(before).any():
        return Verdict("none", "no answer", "Even without flips the network's output is not a number.")
    first = int(before.argmax())
    kind = "same" if label in (first, -1) else "wrong"
    shows = f"The picture shows: {classes[label]}." if label >= 0 else "A picture of your own."
    if not flipped:
        right = "right. " if first == label else "wrong, even without a fault. " if label >= 0 else ""
        return Verdict(kind, classes[first], f"{numbers.percent(before[first])} sure; {right}{shows}")
    if np.isnan(after).any():
        return Verdict("none", f"{classes[first]} → no answer", f"The output is no longer a number. {shows}")
    then = int(after.argmax())
    if then != first:
        moved = "fell" if after[first] < before[first] else "rose"  # integers may tie, or gain and lose
        sure = f"{numbers.percent(after[then])} sure; {classes[first]} {moved}"
        change = f"{numbers.percent(before[first])} → {numbers.percent(after[first])}"
        kind = "righted" if then == label else "changed" if label < 0 else "wrong"
        judged = {"righted": "right. ", "wrong": "wrong. "}.get(kind, "")
        return Verdict(kind, f"{classes[first]} → {classes[then]}", f"{sure} {change}; {judged}{shows}"
                       if judged else f"{sure} {change}. {shows}")  # fmt: skip
    change = f"{numbers.percent(before[first])} → {numbers.percent(after[first])} sure"
    return Verdict(kind, f"still {classes[first]}", f"{change}; {_lead(before, after, first)}. {shows}")


def _lead(before: np.ndarray, after: np.ndarray, first: int) -> str:
    """By how much a class leads the next before and after: in logits, or as shares where one of them is 0."""
    leads = [margin(p, first) for p in (before, after)]
    if np.isfinite(leads).all():
        return f"lead over the next {' → '.join(f'{lead:.1f}'.replace('-', '−') for lead in leads)} logits"
    shares = " → ".join(numbers.percent(_next(p, first)) for p in (before, after))
    return f"the next has {shares}, and a share of 0 tells no lead in logits"


def unchanged(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether a network names the same class, right or wrong, from its probabilities (classes,) twice.

    >>> unchanged(np.array([0.9, 0.1]), np.array([0.6, 0.4]))
    True
    >>> unchanged(np.array([0.9, 0.1]), np.array([np.nan, np.nan]))
    False
    """
    answers = not (np.isnan(before).any() or np.isnan(after).any())
    return answers and int(before.argmax()) == int(after.argmax())


def margin(p: np.ndarray, first: int) -> float:
    """By how many logits a class leads the next one: the difference of the logarithms of the two shares.

    Infinite, or NaN, where one of them is 0: rounded to a quantized output's steps, or below what its floats
    hold, it says only that the logits lie further apart than that.

    >>> round(margin(np.array([0.9, 0.1]), 0), 3), margin(np.array([1.0, 0.0]), 0)
    (2.197, inf)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.log(p[first]) - np.log(_next(p, first)))


def _next(p: np.ndarray, first: int) -> float:
    """The largest share (0..1) of p (classes,) beside that of one class."""
    return float(np.delete(p, first).max())


def travels(trace: Mapping[str, float]) -> str:
    """How far flips move each layer's output, from the first moved layer to the answer, in words.

    >>> travels({"a": 0.0, "b.weight": 0.2, "c.weight": 0.5, "d": 0.1}).replace(numbers.THIN, " ")
    'How far the flips move each layer: 20.0 % at b, 50.0 % at c (the most), 10.0 % at d (the last).'
    >>> travels({"a": 0.2, "b": float("nan")}).replace(numbers.THIN, " ")
    'How far the flips move each layer: 20.0 % at a, no number at b (the last).'
    """
    moved = {name.removesuffix(".weight"): change for name, change in trace.items() if not change <= 0}
    if not moved:
        return "The flips move no layer's output."
    first, last = next(iter(moved)), list(trace)[-1].removesuffix(".weight")
    most = _most(moved)
    notes = {first: "", most: " (the most)" if math.isfinite(moved[most]) else "", last: " (the last)"}
    if most == last and math.isfinite(moved[last]):
        notes[last] = " (the last and the most)"
    parts = [f"{change_of(moved.get(name, 0.0))} at {name}{note}" for name, note in notes.items()]
    return f"How far the flips move each layer: {', '.join(parts)}."


def _most(moved: Mapping[str, float]) -> str:
    """The layer whose output moves most; the first that is no longer a number, if one is."""
    lost = [name for name, change in moved.items() if not math.isfinite(change)]
    return lost[0] if lost else max(moved, key=lambda name: moved[name])


def change_of(change: float) -> str:
    """A relative change as people read it.

    >>> change_of(0.216).replace(numbers.THIN, " "), change_of(float("inf")), change_of(2.4e37)
    ('21.6 %', 'no number', '2.4·10³⁷ times')
    """
    if not math.isfinite(change):
        return "no number"
    return numbers.percent(change) if change < 1 else f"{numbers.number(float(f'{change:.2g}'))} times"


def attacked(classes: Sequence[str], answers: np.ndarray, eps: float) -> str:
    """What an attack does to one answer, with and without flipped bits, in words.

    Args:
        answers: float (2, 2, classes): as stored and with the flips; clean and attacked.
    """
    answers_text = [f"{name}: {_answer(classes, pair[0])} → {_answer(classes, pair[1])}" for name, pair in
            zip(("as stored", "with the flips"), answers, strict=True)]  # fmt: skip
    same = np.array_equal(answers[0], answers[1], equal_nan=True)
    rest = "; no bit is flipped." if same else f"; {answers_text[1]}."
    return f"Every pixel moved by at most {eps:g}/255. {answers_text[0].capitalize()}{rest}"


def _answer(classes: Sequence[str], p: np.ndarray) -> str:
    """One answer and how sure it is."""
    return "no answer" if np.isnan(p).any() else f"{classes[int(p.argmax())]} ({numbers.percent(p.max())})"


# What a curve counts, of ``stats.METRICS`` -> its name on an axis.
METRICS = {
    "accuracy": "accuracy",
    "sdc1": "SDC-1, another top class",
    "sdc10": "SDC 10 %, confidence moved by more",
    "sdc20": "SDC 20 %, confidence moved by more",
    "due": "DUE, no answer",
}


def hover(point: Mapping[Any, Any] | pd.Series, axis: str, metric: str = "accuracy") -> str:
    """All that makes one dot of a curve checkable: value, interval, n, seed, hashes.

    Of a cell of a surface, which has a ``ber`` and an ``eps``, also the one that the axis does not tell.
    """
    ber = point["x"] if axis == "BER" else point.get("ber", 0)
    eps = point.get("eps", 0) if axis == "BER" else point["x"]
    budget = f"{point['attack']}, eps {eps:g}/255"
    at = f"BER {numbers.power(ber)}"
    where = (
        (at if not eps else f"{at}, {budget}") if axis == "BER" else (f"{budget}, {at}" if ber else budget)
    )
    lines = [
        f"<b>{point['checkpoint']} · {_in_full(point['encoding'])}</b>",
        f"{where}: <b>{numbers.percent(point['mean'])}</b>{_of(metric)}",
        *(_over_maps(point) if ber > 0 else ()),
        *(_attacked(point, eps) if axis != "BER" or eps > 0 else ()),
    ]
    images = "over" if ber > 0 else "95 % over"
    note = drawn_images.note(point["sample"])
    lines.append(f"{images} {point['n']} images{note}: {span(point['image_low'], point['image_high'])}")
    hashes = f"weights {point['weights'][:8]}, images {point['images'][:8]}, code {point['code'][:8]}"
    drawn = f", maps drawn at {point['top']:g}" if ber > 0 and point["top"] else ""
    return "<br>".join([*lines, f"n = {point['n']}, seed {point['seed']}{drawn}", hashes])


def _over_maps(point: Mapping[Any, Any] | pd.Series) -> Iterator[str]:
    """What a dot under flips is a mean of."""
    if not np.isnan(point["low"]):
        yield f"95 % over maps and images: {span(point['low'], point['high'])}"
        yield f"over {point['maps']} maps alone: {span(point['map_low'], point['map_high'])}"
    else:
        yield "one map so far: no interval"
    yield f"worst map {numbers.percent(point['least'])}; {point['flips']:,.0f} flips a map"
    if point["due"]:
        yield f"not a number on {point['due']:.0f} images a map"
    yield f"fault model {point['fault']}"


def _attacked(point: Mapping[Any, Any] | pd.Series, eps: float) -> Iterator[str]:
    """How hard a dot was attacked."""
    yield f"{point['steps']} steps, {numbers.counted(point['restarts'], 'start')}"
    if strength := bound(str(point["attack"]), eps):
        yield strength


def _in_full(encoding: str) -> str:
    """An encoding in words and by its exact name, for what is shown under the pointer."""
    text = stored_as(encoding)
    return encoding if text == encoding else f"{text} ({encoding})"


def _of(metric: str) -> str:
    """What a share is of, where it is not accuracy."""
    return "" if metric == "accuracy" else f" ({METRICS[metric]})"


def bound(attack: str, eps: float) -> str:
    """What an accuracy under this attack is; empty where it is the figure itself.

    >>> bound("pgd", 8.0), bound("apgd", 8.0)
    ('an upper bound: stronger attacks leave fewer right', '')
    """
    return "an upper bound: stronger attacks leave fewer right" if eps > 0 and attack in WEAK else ""


WEAK = ("fgsm", "pgd")  # attacks whose accuracy is an upper bound of that under APGD or AutoAttack


def cell_name(point: Mapping[Any, Any] | pd.Series, axis: str) -> str:
    """A dot of a curve by the name that lists and addresses have for it."""
    where = f"BER {point['x']:g}" if axis == "BER" else f"{str(point['attack']).upper()} eps {point['x']:g}"
    return f"{point['checkpoint']} · {point['encoding']} · {where}"


def span(low: float, high: float) -> str:
    """An interval of shares.

    >>> span(0.921, 0.943)
    '92.1 to 94.3\u202f%'
    """
    return f"{100 * low:.1f} to {100 * high:.1f}{numbers.THIN}%"


def finding(curves: pd.DataFrame, axis: str, metric: str = "accuracy") -> str:
    """What the picture shows, one sentence per curve: for people who cannot see it, and for a class."""
    sentences = []
    for (checkpoint, encoding), line in curves.groupby(["checkpoint", "encoding"], sort=False):
        line = line.sort_values("x")
        first, last = line.iloc[0], line.iloc[-1]
        if axis == "ber":
            start = "without faults" if first["x"] == 0 else f"at BER {numbers.power(first['x'])}"
            end = f"at BER {numbers.power(last['x'])}"
        else:
            start, end = f"at eps {first['x']:g}/255", f"at eps {last['x']:g}/255"
        text = f"{checkpoint} in {stored_as(str(encoding))}: {_share(first)} {start}"
        sentences.append(text + (f", {_share(last)} {end}." if len(line) > 1 else "."))
    text_of_all = " ".join(sentences)
    return (
        text_of_all
        if metric == "accuracy"
        else f"{METRICS[metric][0].upper()}{METRICS[metric][1:]}. {text_of_all}"
    )


def _share(point: Mapping[Any, Any] | pd.Series) -> str:
    """A share with its 95 % interval in brackets, where it has one."""
    low, high = point["low"], point["high"]
    return numbers.percent(point["mean"]) + (
        "" if np.isnan(low) else f" ({100 * low:.1f} to {100 * high:.1f})"
    )


def provenance(curves: pd.DataFrame, source: str) -> str:
    """Where the numbers under a picture come from, in one line."""
    if curves.empty:
        return ""

    def values(column: str, short: int | None = None) -> str:
        distinct = dict.fromkeys(str(v)[:short] for v in curves[column])
        return ", ".join(distinct)

    counts, attacks = sorted({int(m) for m in curves["maps"] if m > 1}), values("attack")
    how = f"{attacks}, {values('steps')} steps, {values('restarts')} start" if attacks != "none" else ""
    spared = "" if how else struck(curves)
    parts = [source, how or f"fault model {values('fault')}", *filter(None, [spared])]
    parts.append(_images(curves))
    parts += [f"{', '.join(map(str, counts))} fault maps"] if counts else []
    tops = sorted({float(t) for t in curves["top"] if t > 0})
    parts += [f"drawn at {', '.join(f'{t:g}' for t in tops)}"] if tops else []
    parts += ["95 % over maps and images together" if counts else "95 % over images"]
    parts += [warning] if counts and (warning := caution(counts[0])) else []
    if any(bound(str(a), float(x)) for a, x in zip(curves["attack"], curves["x"], strict=True)):
        parts += [bound("pgd", 8.0)]
    parts += [f"seed {values('seed')}", f"weights {values('weights', 8)}", f"images {values('images', 8)}"]
    return " · ".join([*parts, f"code {values('code', 8)}"])


def _images(curves: pd.DataFrame) -> str:
    """How many images each point of curves is on, and whether they are random ones."""
    kinds = curves.groupby("sample", sort=False)["n"].unique().items()
    each = [f"{', '.join(map(str, n))} images{drawn_images.note(str(sample))}" for sample, n in kinds]
    return f"n = {', '.join(each)}"


def place(ber: float, eps: float) -> str:
    """A cell under faults and attack, by name."""
    return f"BER {numbers.power(ber)}, eps {eps:g}/255"


def cell(line: Mapping[Any, Any] | pd.Series) -> str:
    """All that makes one cell of a surface checkable."""
    lines = [f"<b>{place(line['ber'], line['eps'])}: {numbers.percent(line['mean'])}</b>", interval(line)]
    if line["eps"]:
        lines.append(f"{line['attack']}, {line['steps']} steps, {numbers.counted(line['restarts'], 'start')}")
    hashes = f"weights {line['weights'][:8]}, images {line['images'][:8]}, code {line['code'][:8]}"
    return "<br>".join([*lines, f"n = {line['n']}, seed {line['seed']}, fault model {line['fault']}", hashes])


def interval(line: Mapping[Any, Any] | pd.Series) -> str:
    """The interval of a cell: over maps and images, over images alone where nothing is random."""
    seen = f"{line['n']} images{drawn_images.note(line['sample'])}"
    if line["ber"] > 0 and line["maps"] > 1:
        return f"95 % over {line['maps']} maps and {seen}: {span(line['low'], line['high'])}"
    images = f"95 % over {seen}: {span(line['image_low'], line['image_high'])}"
    return images if line["ber"] == 0 else f"one map, so no interval over maps; {images}"


def areas(line: Mapping[Any, Any] | pd.Series) -> str:
    """A network's two areas, and what they are made of."""
    bers = ", ".join(numbers.power(b) for b in line["bers"])
    budgets = ", ".join(f"{e:g}" for e in line["budgets"])
    lines = [
        f"<b>{line['checkpoint']} · {_in_full(line['encoding'])}</b>",
        f"resists faults {numbers.percent(line['faults'])}: BER {bers}",
        f"resists attack {numbers.percent(line['attack'])}: eps {budgets} / 255, "
        f"PGD of {line['steps']} steps from {numbers.counted(line['restarts'], 'start')}",
        f"clean {numbers.percent(line['clean'])}, on {line['clean_n']:,} images",
        "independent bits; PGD's share is an upper bound; areas have no interval here, so near ones are not "
        "told apart",
    ]
    if "megabytes" in line:
        lines.append(f"{line['megabytes']:.2f} MB of stored weights")
    return "<br>".join([*lines, f"n ≥ {line['n']}, seed {line['seed']}, weights {line['weights'][:8]}"])


def rises(cells: pd.DataFrame, guessing: float) -> bool:
    """Whether more images are right under an attack once bits flip, clear of both cells' intervals.

    Where the faulty network only guesses without an attack too, there is nothing to explain.

    Args:
        cells: of ``tradeoff.cells``.
        guessing: accuracy of chance, 0..1.
    """
    unattacked = cells[(cells["eps"] == 0) & (cells["low"] > guessing)]
    still = cells[cells["ber"] == 0].set_index("eps")["image_high"]
    struck = cells[(cells["eps"] > 0) & cells["ber"].isin(unattacked["ber"]) & (cells["ber"] > 0)]
    return bool((struck["low"] > struck["eps"].map(still)).any())


def corners(cells: pd.DataFrame) -> str:
    """What a surface shows, for people who cannot see it: its corners that were measured."""
    known = {(line["ber"], line["eps"]): line for line in cells.to_dict("records")}
    ends = [(b, e) for b in _ends(cells["ber"]) for e in _ends(cells["eps"]) if (b, e) in known]
    return "; ".join(f"{place(*at)}: {_share(known[at])}" for at in ends) + "."


def _ends(values: pd.Series) -> list[float]:
    return sorted({float(values.min()), float(values.max())})


def shields(table: pd.DataFrame) -> str:
    """What the figure of both resistances shows, one sentence per network."""
    each = " ".join(
        f"{line['checkpoint']} in {stored_as(line['encoding'])}: "
        f"{numbers.percent(line['faults'])} against faults, "
        f"{numbers.percent(line['attack'])} against attack."
        for _, line in table.iterrows()
    )
    return f"{each} Areas have no interval here: near ones are not told apart."


FAULT_NAMES = {
    "random": "independent bits",
    "count": "exact count",
    "layer-uniform": "uniform over layers",
    "stuck-at-0": "stuck at 0",
    "stuck-at-1": "stuck at 1",
    "1-to-0": "1 to 0 only",
    "0-to-1": "0 to 1 only",
    "burst-word": "whole words",
    "burst-pair": "neighbouring pairs",
    "burst-row": "rows of 512 bits",
    "rowhammer": "where real hammering flipped",
    "threefold": "all bits stored three times",
    "sec-ded": "memory with SEC-DED",
    "activations": "8-bit activations",
}
