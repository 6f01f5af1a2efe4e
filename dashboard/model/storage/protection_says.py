"""What to store, as sentences, a table and the command that searches."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from dashboard.format import numbers
from dashboard.model.storage.protection import KINDS, Answer
from resq.core import commands
from resq.protect.timing.times import IMAGES


def answer(chosen: Answer, rate: float, keep: float, most: float, time: float = math.inf) -> str:
    """The answer as one sentence."""
    asked = f"at a bit error rate of {numbers.power(rate)}"
    if not chosen.encoding:
        return f"Nothing that takes at most {_bits(most)}{_time(time)} is measured {asked}."
    retained = _retained(chosen)
    if not chosen.enough:
        within = "" if math.isinf(most) else f" in at most {_bits(most)}"
        within += _time(time) and f",{_time(time)}"
        return (
            f"Nothing measured keeps {numbers.percent(keep, 0)} {asked}{within}; most keeps "
            f"`{chosen.encoding}` at {chosen.bits:.2f} bits a weight: {retained}."
        )
    doubt = "" if chosen.sure else " Its interval reaches below what was asked for."
    return f"Store `{chosen.encoding}`, {chosen.bits:.2f} bits a weight: {asked} it keeps {retained}.{doubt}"


def _retained(chosen: Answer) -> str:
    return (
        f"**{numbers.percent(chosen.retained)}** of the accuracy ({100 * chosen.low:.1f} to "
        f"{100 * chosen.high:.1f} %, {chosen.maps} fault maps, {chosen.n} test images)"
    )


def measured(chosen: Answer, rate: float) -> str:
    """What is measured of one way to store the weights."""
    return (
        f"`{chosen.encoding}` takes **{chosen.bits:.2f} bits a weight** and keeps, at {numbers.power(rate)}, "
        f"{_retained(chosen)}."
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
        }
    )  # fmt: skip


def _times(value: float) -> str:
    return "not measured" if math.isnan(value) else f"x {value:.3g}"


def searched(search: dict[str, Any]) -> str:
    """What a search asked for, in a few words."""
    wanted = search["wanted"]
    most = math.inf if wanted["bits"] is None else float(wanted["bits"])
    return f"BER {wanted['ber']:g}, {wanted['fault']}, at most {_bits(most)}"
