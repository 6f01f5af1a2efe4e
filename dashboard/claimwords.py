"""Claims and verdicts as tables and sentences. No streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dashboard import theme
from resq.claims import board, rerun
from resq.claims.cells import Cell
from resq.claims.verdict import Verdict

# verdict -> (kind of box, icon)
LOOKS = {
    "reproduced": ("same", ":material/check_circle:"),
    "exceeded": ("same", ":material/trending_up:"),
    "not reproduced": ("changed", ":material/cancel:"),
    "not comparable": ("none", ":material/help:"),
}
HEADS = {
    "checkpoint": "checkpoint",
    "encoding": "stored as",
    "clean": "clean",
    "r_f": "R_F",
    "r_a": "R_A",
    "ber_1e_2": "BER 10⁻²",
    "pgd_8": "PGD 8/255",
    "autoattack_8": "AutoAttack 8/255",
    "stored_bits": "stored bits",
    "n": "n",
    "level": "verification",
    "weights": "weights",
}
SHARES = ("clean", "R_F", "R_A", "BER 10⁻²", "PGD 8/255", "AutoAttack 8/255")


def measured(v: Verdict) -> str:
    """What stands beside the quoted figure."""
    best = v.decides
    if best is None or best.value is None:
        return "not measured yet"
    return v.claim.spell(best.value, best.low, best.high)


def overview(found: Sequence[Verdict]) -> pd.DataFrame:
    """One line per claim."""
    lines = [
        {
            "claim": v.claim.id,
            "says": v.claim.says,
            "source": v.claim.source.label,
            "quoted": f"◇ {v.claim.quote}",
            "measured here, 95 %": measured(v),
            "verdict": v.verdict,
        }
        for v in found
    ]
    return pd.DataFrame(lines)


def table(v: Verdict) -> pd.DataFrame:
    """One line per reading of a claim."""
    lines = []
    for judged in v.readings:
        cell, base = judged.cell, judged.base
        lines.append({
            "reading": judged.reading.label,
            "measured here, 95 %": "not measured"
            if judged.value is None
            else v.claim.spell(judged.value, judged.low, judged.high),
            "unhardened": theme.percent(base.mean) if base else "not measured",
            "verdict": judged.verdict,
            "network": cell.checkpoint if cell else "",
            "stored as": cell.encoding if cell else "",
            "maps": str(cell.maps) if cell else "",
            "n": str(cell.n) if cell else "",
        })  # fmt: skip
    return pd.DataFrame(lines)


def hashes(cell: Cell) -> str:
    """What made a cell, in one line."""
    return (
        f"{cell.checkpoint} as {cell.encoding} · {cell.point} · {cell.drawn} · n = {cell.n} · seed "
        f"{cell.seed} · weights {cell.weights} · images {cell.images} · code {cell.code}"
    )


def command(cell: Cell) -> str:
    """The command that measures a cell."""
    return rerun.spec(cell).command


def leaders(found: pd.DataFrame) -> pd.io.formats.style.Styler:
    """The leaderboard for people: shares in percent, "not measured" where there is nothing, sortable."""
    shown = found[list(HEADS)].rename(columns=HEADS)
    shown[list(SHARES)] = 100 * shown[list(SHARES)].astype(float)
    formats: Any = {**dict.fromkeys(SHARES, "{:.2f} %"), "stored bits": "{:.3g}", "n": "{:,d}"}
    return shown.style.format(formats, na_rep="not measured")


def level(found: pd.DataFrame) -> str:
    """How many lines stand on which level of verification."""
    counts = found["level"].value_counts()
    parts = [
        f"{counts[name]} {name}"
        for name in (board.HERE, board.AGAIN, board.DIFFERS, board.QUOTED)
        if name in counts
    ]
    return ", ".join(parts)
