"""Claims and verdicts as tables and sentences. No streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dashboard.format import claim_labels, encodings, numbers, papers
from resq.claims import leaderboard, rerun
from resq.claims.judged import Verdict
from resq.claims.points import Cell
from resq.claims.registry import Source

# verdict -> (kind of box, icon)
LOOKS = {
    "reproduced": ("same", ":material/check_circle:"),
    "exceeded": ("same", ":material/trending_up:"),
    "not reproduced": ("changed", ":material/cancel:"),
    "not comparable": ("none", ":material/help:"),
}
HEADS = {
    "rank": "rank",
    "checkpoint": "checkpoint",
    "encoding": "stored as",
    "ber_1e_2": "BER 10⁻²",  # what ranks stands first of the figures
    "clean": "clean",
    "r_f": "R_F",
    "r_a": "R_A",
    "strong_8": "APGD or AutoAttack 8/255",
    "pgd_8": "PGD 8/255, at most",
    "pgd_how": "PGD's steps x starts",
    "stored_bits": "stored bits",
    "seeds": "seed",
    "level": "verification",
    "weights": "weights",
}
SHARES = ("clean", "R_F", "R_A", "BER 10⁻²", "APGD or AutoAttack 8/255", "PGD 8/255, at most")


def measured(v: Verdict) -> str:
    """What stands beside the quoted figure; where no reading decides, the range of all of them."""
    if v.answered:
        return v.spelled
    if v.claim.kind != "asymmetry" or not v.readings:
        return "not measured yet"
    if count := len(v.beside):
        others = (
            "a study of another network stands" if count == 1 else f"{count} studies of other networks stand"
        )
        return f"no Lambda of the claim's networks; {others} beside it"
    return "measured, and no Lambda can be told"


def reasons(v: Verdict) -> list[str]:
    """A verdict's reason, and each study that stands beside the claim as a paragraph of its own."""
    beside = [f"Beside the claim: {study}" if i == 0 else study for i, study in enumerate(v.beside)]
    return [f"{part[0].upper()}{part[1:]}." for part in (v.why, *beside)]


def nearest(cell: Cell) -> str:
    """A measured cell near to a claim that none answers, with all that its figure rests on."""
    maps = f", {cell.drawn}" if cell.axis != "eps" else ""
    return (
        f"{cell.checkpoint} as {encodings.stored_as(cell.encoding)}, {cell.point}{maps}: "
        f"{numbers.percent(cell.mean)} ({100 * cell.low:.1f} to {100 * cell.high:.1f}, n = {cell.n:,}, "
        f"seed {cell.seed})"
    )


def overview(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One line per claim."""
    lines = [
        {
            "verdict": v.verdict,
            "claim": v.claim.says,
            "quoted": f"◇ {v.claim.quote}",
            "measured here, 95 %": measured(v),
            "source": v.claim.source.label,
            "readings": v.tried,
            "id": v.claim.id,
        }
        for v in verdicts
    ]
    return pd.DataFrame(lines)


def table(v: Verdict) -> pd.DataFrame:
    """One line per reading of a claim."""
    lines = []
    for judged in v.readings:
        cell, base = judged.cell, judged.base
        lines.append({
            "reading": judged.reading.label,
            "measured here, 95 %": judged.spell(v.claim),
            "unhardened, 95 % of its own": _unhardened(base) if base else "not measured",
            "verdict": judged.verdict,
            "network": cell.checkpoint if cell else "",
            "stored as": encodings.stored_as(cell.encoding) if cell else "",
            "maps": str(cell.maps) if cell else "",
            "n": str(cell.n) if cell else "",
            "seed": str(cell.seed) if cell else "",
        })  # fmt: skip
    return pd.DataFrame(lines)


def _unhardened(base: Cell) -> str:
    return (
        f"{base.checkpoint}: {numbers.percent(base.mean)} ({100 * base.low:.1f} to {100 * base.high:.1f}; "
        f"{base.drawn}, n = {base.n:,})"
    )


def hashes(cell: Cell) -> str:
    """What made a cell, in one line."""
    return (
        f"{cell.checkpoint} as {cell.encoding} · {cell.point} · {cell.drawn} · n = {cell.n} · seed "
        f"{cell.seed} · weights {cell.weights} · images {cell.images} · code {cell.code}"
    )


def command(cell: Cell) -> str:
    """The command that measures a cell."""
    return rerun.spec(cell).command


def source(origin: Source) -> str:
    """Who says it, the kind of source first, with a way to read it.

    >>> source(Source("blog", "a blog text about RESQ (arXiv 2603.15413)"))
    'Blog: a blog text about RESQ ([arXiv 2603.15413](https://arxiv.org/abs/2603.15413))'
    """
    name = papers.linked(origin.name)
    named = f"[{origin.name}]({origin.url})" if origin.url and name == origin.name else name
    kind = claim_labels.KINDS[origin.label]
    return f"{kind[0].upper()}{kind[1:]}: {named}"


def leaders(board: pd.DataFrame) -> pd.io.formats.style.Styler:
    """The leaderboard for people: shares in percent, "not measured" where there is nothing, sortable.

    Beside each share stand its 95 % interval over maps and images, where it is of one cell, and its images.
    """
    shown = pd.DataFrame(index=board.index)
    for column, head in HEADS.items():
        if column not in board:  # of a card that was written before it
            continue
        shown[head] = encodings.column(board[column]) if column == "encoding" else board[column]
        if f"{column}_low" in board:
            shown[f"{head}, 95 %"] = [
                "" if pd.isna(low) else f"{100 * low:.1f} to {100 * high:.1f}"
                for low, high in zip(board[f"{column}_low"], board[f"{column}_high"], strict=True)
            ]
        if f"{column}_n" in board:
            shown[f"{head}, images"] = _count(board[f"{column}_n"])
        if f"{column}_maps" in board:
            shown[f"{head}, maps"] = _count(board[f"{column}_maps"])
    shown[list(SHARES)] = 100 * shown[list(SHARES)].astype(float)
    for name, exact in encodings.exact(board["encoding"]).items():
        shown[name] = exact
    shown["architecture"] = [papers.of_network(name.split("/")[1]) for name in board["checkpoint"]]
    counts = [name for name in shown if str(name).endswith((", images", ", maps"))]
    formats: Any = {
        **dict.fromkeys(SHARES, "{:.1f} %"), **dict.fromkeys(counts, "{:,d}"), "stored bits": "{:.3g}",
        "rank": "{:.0f}",
    }  # fmt: skip
    return shown.style.format(formats, na_rep="not measured")


def _count(some: pd.Series) -> pd.Series:
    """Images or maps; none of what was not measured, rather than 0."""
    counts = some.astype("Int64")
    return counts.mask(counts == 0)


def level(board: pd.DataFrame) -> str:
    """How many lines stand on which level of verification."""
    counts = board["level"].str.partition(",")[0].value_counts()  # how much of a part stands behind it
    order = (
        leaderboard.HERE, leaderboard.AGAIN, leaderboard.PART, leaderboard.DIFFERS, leaderboard.QUOTED
    )  # fmt: skip
    parts = [f"{counts[name]} {name}" for name in order if name in counts]
    return ", ".join(parts)
