"""What to store, as sentences, a table and the command that searches."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from dashboard.format import numbers
from dashboard.model.protection import KINDS, Answer
from resq.core import commands


def answer(found: Answer, rate: float, keep: float, most: float) -> str:
    """The answer as one sentence."""
    asked = f"at a bit error rate of {numbers.power(rate)}"
    if not found.encoding:
        return f"Nothing that takes at most {_bits(most)} is measured {asked}."
    kept = _kept(found)
    if not found.enough:
        within = "" if math.isinf(most) else f" in at most {_bits(most)}"
        return (
            f"Nothing measured keeps {numbers.percent(keep, 0)} {asked}{within}; most keeps "
            f"`{found.encoding}` at {found.bits:.2f} bits a weight: {kept}."
        )
    doubt = "" if found.sure else " Its interval reaches below what was asked for."
    return f"Store `{found.encoding}`, {found.bits:.2f} bits a weight: {asked} it keeps {kept}.{doubt}"


def _kept(found: Answer) -> str:
    return (
        f"**{numbers.percent(found.kept)}** of the accuracy ({100 * found.low:.1f} to "
        f"{100 * found.high:.1f} %, {found.maps} fault maps, {found.n} test images)"
    )


def measured(found: Answer, rate: float) -> str:
    """What is measured of one way to store the weights."""
    return (
        f"`{found.encoding}` takes **{found.bits:.2f} bits a weight** and keeps, at {numbers.power(rate)}, "
        f"{_kept(found)}."
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


def searched(found: dict[str, Any]) -> str:
    """What a search asked for, in a few words."""
    wanted = found["wanted"]
    most = math.inf if wanted["bits"] is None else float(wanted["bits"])
    return f"BER {wanted['ber']:g}, {wanted['fault']}, at most {_bits(most)}"
