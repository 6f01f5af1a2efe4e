"""Quoted claims beside what was measured, with verdicts; a point measured again with --rerun."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pandas as pd

from resq import jobs
from resq.claims import registry, rerun, verdict
from resq.claims.agreement import Again
from resq.claims.judged import Judged, Verdict
from resq.claims.points import Cell
from resq.cli import options, sweep
from resq.core import lookup
from resq.core.errors import ResqError
from resq.measure.store import table

RESTS = (
    "Quoted figures are their sources' and were not measured here. Where no reading decides, the range of "
    "all measured ones stands; python -m resq claims CLAIM tells each with its network, words, maps and "
    "images."
)
NEAR = ("checkpoint", "encoding", "mean", "low", "high")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("claim", nargs="?", help="a claim's id, such as resnet18-ber-1e-2; default: all")
    parser.add_argument("--rerun", action="store_true", help="measure the claim's cell again on this machine")
    parser.add_argument("--n", type=int, help="test images of the re-run (default: as stored)")
    parser.add_argument("--maps", type=int, help="fault maps of the re-run (default: as stored)")
    parser.add_argument("--seed", type=int, help="seed of the re-run (default: as stored)")
    parser.add_argument("--stream", action="store_true", help="print the re-run's rows as JSON lines")


def run(arguments: argparse.Namespace) -> None:
    """Judges the claims from the stored rows, and measures one again where asked."""
    claims = registry.load()
    if arguments.claim:
        lookup("claim", arguments.claim, claims)
    elif arguments.rerun:
        raise ResqError("--rerun needs a claim, such as: claims resnet18-ber-1e-2 --rerun --n 1000 --maps 5")
    judged = [claims[arguments.claim]] if arguments.claim else claims.values()
    stored = table.shipped()
    verdicts = verdict.judge_all(judged, stored, claims)
    again = {"rerun": _again(verdicts[0], stored, arguments)} if arguments.rerun else {}
    if arguments.json:
        print(options.dump({"rule": verdict.RULE, "claims": [{**spelled(v), **again} for v in verdicts]}))
    elif not arguments.stream:
        _print(verdicts, again.get("rerun"))


def _again(judged: Verdict, stored: pd.DataFrame, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measures the claim's cell again, row by row into the store; what came, for ``--json``.

    Args:
        stored: rows among which are those of the cell.
    """
    cell = rerun.target(judged)
    spec = rerun.spec(cell, arguments.n, arguments.maps, arguments.seed)
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": spec.total}), flush=True)
    rows, began = [], rerun.now()
    for row in sweep.measured(spec):
        rows.append(row)
        rerun.store_rerun(judged.claim.id, [row], began)
        if arguments.stream:
            print(json.dumps({"row": table.plain(row)}), flush=True)
    result = rerun.compare(cell, stored, rows)
    command = spec.command
    about = {"command": command, "at": began, "machine": rerun.machine(), "rows": len(rows)}
    return {**spelled_again(result), **about}


def spelled(v: Verdict) -> dict[str, Any]:
    """A verdict as ``--json`` prints it; figures are shares 0..1 (an error as the accuracy it leaves)."""
    claim, best = v.claim, v.decides
    return {
        "id": claim.id,
        "source": claim.source.label,
        "says": claim.says,
        "as_quoted": claim.quote,
        "quoted": claim.value,
        "measured": best.value if best else None,
        "low": best.low if best else None,
        "high": best.high if best else None,
        "verdict": v.verdict,
        "tried": v.tried,
        "why": v.reason,
        "cell": _cell(best),
        "unknown": list(claim.unknown),
        "readings": [_reading(r) for r in v.readings],
        "near": [{"point": c.point, **{key: getattr(c, key) for key in NEAR}} for c in v.near],
    }


def _reading(judged: Judged) -> dict[str, Any]:
    base = judged.base.mean if judged.base else None
    return {
        "reading": judged.reading.label,
        "measured": judged.value,
        "low": judged.low,
        "high": judged.high,
        "verdict": judged.verdict,
        "unhardened": base,
        "fits_unhardened": judged.fits,
        "cell": _cell(judged),
    }


def _cell(judged: Judged | None) -> dict[str, Any] | None:
    """Where a figure was measured, with what made it."""
    if judged is None or judged.cell is None:
        return None
    cell = judged.cell
    keys = (
        "checkpoint",
        "encoding",
        "fault",
        "ber",
        "attack",
        "eps",
        "steps",
        "restarts",
        "n",
        "maps",
        "seed",
    )
    spec = rerun.spec(cell)
    return {
        **{key: getattr(cell, key) for key in keys},
        "hashes": {"weights": cell.weights, "images": cell.images, "code": cell.code},
        "command": spec.command,
    }


def spelled_again(result: Again) -> dict[str, Any]:
    """A re-run as ``--json`` prints it.

    ``within`` says whether the rows of the same maps and images are equal, or else 0 lies within the interval
    of ``difference``; ``low`` and ``high`` of the cells are over fault maps and images.
    """
    reference, fresh, gap = result.stored, result.fresh, result.gap
    ends = {"low": gap.low, "high": gap.high} if gap.bounded else {"low": None, "high": None}
    return {
        "within": result.within,
        "says": result.says,
        "stored": {"mean": reference.mean, "low": reference.low, "high": reference.high, **_count(reference)},
        "measured": {"mean": fresh.mean, "low": fresh.low, "high": fresh.high, **_count(fresh)},
        "compared": {"stored": result.of, "again": result.rows, "equal": result.equal},
        "difference": {"mean": gap.mean, **ends, "over": gap.over},
        "same_hashes": result.same,
    }


def _count(cell: Cell) -> dict[str, int]:
    return {"n": cell.n, "maps": cell.maps, "seed": cell.seed}


def _print(verdicts: list[Verdict], again: dict[str, Any] | None) -> None:
    """For people: the list, or one claim in full."""
    if len(verdicts) > 1:
        options.print_table([_line(v) for v in verdicts])
        print(f"\n{RESTS}")
        print(f"\n{verdict.RULE}")
        return
    v = verdicts[0]
    print(f"{v.claim.says}\n  source: {v.claim.source.name} ({v.claim.source.label})")
    print(
        f"  not known: {'; '.join(v.claim.unknown) or 'nothing named'}\n\n{v.verdict.upper()}: {v.reason}\n"
    )
    options.print_table([_readable(v, r) for r in v.readings])
    for cell in v.near if not v.decides else ():
        print(f"near: {_cell_line(cell)}")
    if again:
        print(f"\n{again['says']}\n  {again['command']}")
        print(f"  {again['rows']} rows in the store, measured again on {again['machine']}, {again['at']}")


def _rests(v: Verdict) -> str:
    """The cell of the reading that is shown; that of every other stands in the claim itself."""
    cell = v.decides.cell if v.decides else None
    if cell is None or v.undecided:
        return "-"
    where = f", {cell.point}" if cell.ber or cell.axis == "eps" else ""
    return f"{cell.checkpoint} as {cell.encoding}{where}, {cell.drawn}, n {cell.n}"


def _cell_line(cell: Cell) -> str:
    """A measured cell with its interval and what it rests on."""
    span = options.span(cell.low, cell.high)
    return (
        f"{cell.checkpoint} as {cell.encoding}, {cell.point}: {options.percent(cell.mean)} ({span}; "
        f"{cell.drawn}, {cell.n} images, seed {cell.seed})"
    )


def _line(v: Verdict) -> dict[str, str]:
    return {
        "claim": v.claim.id,
        "source": v.claim.source.label,
        "quoted": v.claim.quote,
        "measured, 95 % for all its readings together": v.spelled,
        "rests on": _rests(v),
        "verdict": v.verdict,
        "readings": v.tried,
    }


def _spelled(v: Verdict, judged: Judged | None) -> str:
    """The measured value with its interval, in the claim's unit."""
    return "not measured" if judged is None else judged.spell(v.claim)


def _readable(v: Verdict, judged: Judged) -> dict[str, str]:
    level = "95 % each" if v.claim.kind == "asymmetry" else "95 % for all its readings together"
    return {
        "reading": judged.reading.label,
        f"measured, {level}": _spelled(v, judged),
        "unhardened, 95 % of its own": _cell_line(judged.base) if judged.base else "-",
        "verdict": judged.verdict,
        "why": judged.why,
    }
