"""What to store, as sentences, a table and the command that searches."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from dashboard.format import numbers
from dashboard.model.storage.protection import KINDS, Answer
from resq.core import commands


def answer(chosen: Answer, rate: float, keep: float, most: float) -> str:
    """The answer as one sentence."""
    asked = f"at a bit error rate of {numbers.power(rate)}"
    if not chosen.encoding:
        return f"Nothing that takes at most {_bits(most)} is measured {asked}."
    retained = _retained(chosen)
    if not chosen.enough:
        within = "" if math.isinf(most) else f" in at most {_bits(most)}"
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


def command(net: str, rate: float, keep: float, most: float, fault: str) -> str:
    """The search for a mixture at this rate and budget, as it is typed."""
    words = ["protect", net, "--ber", f"{rate:g}", "--keep", f"{keep:g}"]
    words += [] if math.isinf(most) else ["--bits", f"{most:g}"]
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
            "maps": lines["maps"],
            "images": lines["n"],
        }
    )  # fmt: skip


def searched(search: dict[str, Any]) -> str:
    """What a search asked for, in a few words."""
    wanted = search["wanted"]
    most = math.inf if wanted["bits"] is None else float(wanted["bits"])
    return f"BER {wanted['ber']:g}, {wanted['fault']}, at most {_bits(most)}"
