"""What to store, as sentences, a table and the command that searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.format import numbers
from dashboard.model.storage.protection import KINDS, Answer, kind_of
from resq.core import commands
from resq.measure.specs.sweep_spec import AS_STORED
from resq.protect import fulfilled, wording
from resq.protect.timing.times import IMAGES


@dataclass(frozen=True)
class Budget:
    """What an answer may be: the most bits a weight, the most times a plain pass, of which of KINDS."""

    most: float = math.inf
    time: float = math.inf
    kinds: Sequence[str] = tuple(KINDS)

    @property
    def limited(self) -> bool:
        """Whether some kind may not be used."""
        return set(self.kinds) < set(KINDS)

    def holds(self, search: dict[str, Any]) -> bool:
        """Whether what a search chose is such an answer; one whose pass was not timed is in no time."""
        quick = math.isinf(self.time) or (
            search["wanted"].get("batch") == IMAGES[-1] and (search.get("time") or math.inf) <= self.time
        )
        return search["bits"] <= self.most + 1e-9 and quick and kind_of(search["encoding"]) in self.kinds


ANY = Budget()


def answer(chosen: Answer, rate: float, keep: float, budget: Budget = ANY) -> str:
    """The answer as one sentence."""
    asked, most, time = f"at a bit error rate of {numbers.power(rate)}", budget.most, budget.time
    used = " of what may be used" * budget.limited
    if not chosen.encoding:
        return f"Nothing{used} that takes at most {_bits(most)}{_time(time)} is measured {asked}."
    retained = _retained(chosen)
    if not chosen.enough:
        within = "" if math.isinf(most) else f" in at most {_bits(most)}"
        within += _time(time) and f",{_time(time)}"
        near = f" Its interval holds {numbers.percent(keep, 0)}: more maps and images would have to decide."
        return (
            f"Nothing measured{used} reaches {numbers.percent(keep, 0)} {asked}{within}; most keeps "
            f"`{chosen.encoding}` at {chosen.bits:.2f} bits a weight: {retained}."
            f"{near * (chosen.high >= keep)}"
        )
    doubt = "" if chosen.sure else " Its interval reaches below what was asked for."
    return f"Store `{chosen.encoding}`, {chosen.bits:.2f} bits a weight: {asked} it keeps {retained}.{doubt}"


def _retained(chosen: Answer) -> str:
    return (
        f"**{_share(chosen.retained, chosen.asked)}** of what {_whose(chosen.over)} has without faults "
        f"(95 %: {100 * chosen.low:.1f} to {100 * chosen.high:.1f} %, {chosen.maps} fault maps of seed "
        f"{chosen.seed}, {chosen.images})"
    )


def _share(value: float, asked: float) -> str:
    """In percent, with as many digits as it takes to see that it is less than what was asked.

    >>> [_share(value, 0.99).split(numbers.THIN)[0] for value in (0.98996, 0.985)]
    ['98.996', '98.5']
    """
    digits = next((d for d in (1, 2, 3) if (round(100 * value, d) < 100 * asked) == (value < asked)), 4)
    return numbers.percent(value, digits)


def _whose(over: str) -> str:
    """The encoding that shares are of; a deployed file's own words are the file."""
    return "the file" if over == AS_STORED else over


def measured(chosen: Answer, rate: float) -> str:
    """What is measured of one way to store the weights."""
    return (
        f"`{chosen.encoding}` takes **{chosen.bits:.2f} bits a weight** and keeps, at {numbers.power(rate)}, "
        f"{_retained(chosen)}."
    )


def searched_apart(
    known: Sequence[dict[str, Any]], fault: str, rate: float, chosen: Answer, budget: Budget = ANY
) -> str:
    """What searches within the budget measured here that keeps more, or enough in fewer bits; "" where none.

    They met images of their own number, so they are no points of the plane. Each says what it was asked, and
    whether it kept that: a search that missed it may still keep more than any point.

    Args:
        known: answers of ``resq protect``; fault, rate, chosen: what is asked, and what the points answer.
    """
    within = [search for search in known if budget.holds(search)]
    better = [text for search in within if (text := _apart(search, fault, rate, chosen))]
    return "Not among the points, as the images are others. " + " ".join(better) if better else ""


def _apart(search: dict[str, Any], fault: str, rate: float, chosen: Answer) -> str:
    at = [e["chosen"] for e in search["confirmed"] if e["ber"] == rate and search["wanted"]["fault"] == fault]
    if not at or search["encoding"] == chosen.encoding:
        return ""
    whole = search["unprotected"]
    share = at[0]["accuracy"] / whole["accuracy"]
    cheaper = share >= chosen.asked and (search["bits"] < chosen.bits or not chosen.enough)
    if not cheaper and not (not chosen.enough and share > chosen.retained):
        return ""
    return (
        f"A search chose `{search['encoding']}`, {search['bits']:.2f} bits a weight, and measured "
        f"{numbers.percent(at[0]['accuracy'])} right (95 %: {100 * at[0]['low']:.1f} to "
        f"{100 * at[0]['high']:.1f} %, {at[0]['maps']} fault maps, the first {at[0]['n']} test images), "
        f"where {whole['encoding']} has {numbers.percent(whole['accuracy'])} without faults; seed "
        f"{wording.seed(search)}. It was asked to {searched(search)}."
    )


def _bits(most: float) -> str:
    return "any number of bits" if math.isinf(most) else f"{most:g} bits a weight"


def _time(time: float) -> str:
    """The budget of time, in words; nothing where there is none."""
    return "" if math.isinf(time) else f" and {time:g} times the time of a batch"


def command(
    net: str, rate: float, keep: float, most: float, fault: str, time: float = math.inf, data: str = ""
) -> str:
    """The search for a mixture at this rate and budget, as it is typed.

    Args:
        data: of a deployed file.
    """
    words = ["protect", net, *(["--data", data] if data else []), "--ber", f"{rate:g}", "--keep", f"{keep:g}"]
    words += [] if math.isinf(most) else ["--bits", f"{most:g}"]
    words += [] if math.isinf(time) else ["--time", f"{time:g}", "--batch", f"{IMAGES[-1]}"]
    return commands.line([*words, *(["--fault", fault] if fault != "random" else [])])


def table(points: pd.DataFrame) -> pd.DataFrame:
    """The points as people read them, the cheapest first."""
    lines = points.sort_values(["ber", "bits"])
    return pd.DataFrame(
        {
            "stored as": lines["encoding"],
            "kind": lines["kind"].map(KINDS),
            "bits a weight": lines["bits"].round(3),
            "BER": lines["ber"].map("{:g}".format),
            "kept %": (100 * lines["kept"]).round(1),
            "95 %": [f"{100 * a:.1f} to {100 * b:.1f}"
                     for a, b in zip(lines["kept_low"], lines["kept_high"], strict=True)],
            **{f"time of {n}": lines[f"time_{n}"].map(_times) for n in IMAGES if f"time_{n}" in lines},
            "maps": lines["maps"],
            "images": lines["n"],
            "seed": lines["seed"],
        }
    )  # fmt: skip


def _times(value: float) -> str:
    return "not measured" if math.isnan(value) else f"x {value:.3g}"


def searched(search: dict[str, Any]) -> str:
    """What a search asked for, in a few words, and what became of it."""
    became = fulfilled.held_out(search), fulfilled.on_test(search)
    return f"{fulfilled.question(search)} ({became[0]} on held-out images, {became[1]} on test images)"
