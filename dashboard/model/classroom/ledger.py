"""The ledger: what a learner predicted, saw and concluded, as one file to hand in. No streamlit.

It is signed with a secret that stays on the server, so a teacher sees whether a file is as the lab wrote it.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import math
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dashboard.format import numbers
from dashboard.model.classroom import predictions, rooms
from dashboard.model.lessons import Lesson, Step
from dashboard.model.parts import scale
from dashboard.model.storage.places import Filled
from resq.core.errors import ResqError

KIND = "RESQ Lab ledger"
LONGEST = 2000  # letters of a conclusion
LARGEST = 1 << 20  # bytes of a file to check


def written(
    code: str,
    learner: str,
    every: Sequence[Lesson],
    revealed: Mapping[tuple[str, int], Filled],
    conclusions: Mapping[tuple[str, int], str],
    measured: Mapping[tuple[str, int], float] = MappingProxyType({}),
) -> str:
    """The ledger as signed JSON.

    Args:
        every: all lessons, in order.
        revealed: the reveals that the room has shown, with what their figures are; by lesson and step from 0.
        conclusions: the learner's own sentences; they are in this file alone.
        measured: what was measured where a number is predicted, on its scale; NaN where it is not known.

    Raises:
        ResqError: the room has ended.
    """
    own = predictions.predictions(code, learner)
    steps = [(lesson, n) for lesson in every for n in range(len(lesson.steps)) if (lesson.name, n) in own]
    body = {
        "kind": KIND,
        "room": code,
        "learner": learner,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "steps": [
            _step(code, lesson, n, own[lesson.name, n], revealed.get((lesson.name, n)),
                  conclusions.get((lesson.name, n), ""), measured.get((lesson.name, n), math.nan))
            for lesson, n in steps
        ],
    }  # fmt: skip
    return json.dumps(
        {**body, "signature": _signature(body, rooms.secret(code))}, indent=1, ensure_ascii=False
    )


def _step(
    code: str, lesson: Lesson, number: int, choice: int, revealed: Filled | None, conclusion: str,
    measured: float,
) -> dict[str, Any]:  # fmt: skip
    """One prediction beside what was measured and what the class predicted."""
    step, votes = lesson.steps[number], predictions.votes(code, lesson, number)
    entry: dict[str, Any] = {
        "lesson": lesson.name, "step": number + 1, "asked": step.ask, "predicted": step.choices[choice],
        "concluded": conclusion[:LONGEST],
    }  # fmt: skip
    if revealed is None:
        return entry | {"revealed": None}
    return entry | {
        "right": step.predicted_right(step.choices[choice]),
        "revealed": revealed.text,
        "figures": list(revealed.sources),
        **(_distance(step, step.choices[choice], measured) if step.scale else {}),
        "class": dict(zip(step.choices, votes, strict=True)),
    }


def _distance(step: Step, choice: str, measured: float) -> dict[str, Any]:
    """What was measured where a number was predicted, and how far off the prediction is; both may lack."""
    known = not math.isnan(measured)
    return {
        "unit": step.unit.strip(),
        "measured": measured if known else None,
        "distance": abs(scale.number(choice) - measured) if known else None,
    }


def _signature(body: Mapping[str, Any], secret: bytes) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def read(data: bytes, code: str) -> dict[str, Any]:
    """A ledger that was handed in, checked.

    Raises:
        ResqError: too large, no ledger, of another room, or changed after the lab wrote it.
    """
    try:
        ledger = json.loads(data[:LARGEST]) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        ledger = None
    if not isinstance(ledger, dict) or ledger.get("kind") != KIND:
        raise ResqError("this file is no ledger; hand in the .json file that the button “My ledger” gives")
    if ledger.get("room") != code:
        raise ResqError(f"this ledger is of room {str(ledger.get('room'))[:20]!r}, and this is room {code}")
    body = {name: value for name, value in ledger.items() if name != "signature"}
    if not hmac.compare_digest(
        str(ledger.get("signature")).encode(), _signature(body, rooms.secret(code)).encode()
    ):
        raise ResqError("this ledger was changed after the lab wrote it: its signature does not fit its text")
    return ledger


def page(ledger: Mapping[str, Any], look: str) -> str:
    """A ledger as a page to print.

    Args:
        look: style sheet of the page.
    """
    steps = "".join(_section(entry) for entry in ledger["steps"])
    head = (
        f"<h1>RESQ Lab: ledger</h1><p>Name: ______________________________ &nbsp; Room {ledger['room']}, "
        f"learner {ledger['learner']}, {ledger['written']}</p>"
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>RESQ Lab: ledger</title>"
        f"<style>{look}</style>{head}{steps or '<p>No prediction yet.</p>'}"
        f"<p class=link>Signature {ledger['signature']}</p></html>"
    )


def _section(entry: Mapping[str, Any]) -> str:
    lines = [f"<b>{entry['lesson']}, step {entry['step']}.</b> {html.escape(entry['asked'])}",
             f"Predicted: <b>{html.escape(entry['predicted'])}</b>"]  # fmt: skip
    if entry["revealed"] is not None:
        votes = ", ".join(f"{html.escape(choice)}: {count}" for choice, count in entry["class"].items())
        lines += [f"Measured: {html.escape(entry['revealed'])}", *_off(entry), f"The class: {votes}"]
    lines.append(f"Concluded: {html.escape(entry['concluded']) or '______________________________'}")
    figures = "".join(f"<li>{html.escape(figure)}</li>" for figure in entry.get("figures", ()))
    return f"<section>{''.join(f'<p>{line}</p>' for line in lines)}<ul>{figures}</ul></section>"


def counted(steps: Sequence[Mapping[str, Any]]) -> str:
    """How many predictions a ledger holds, and what became of those that were revealed.

    >>> counted([{"right": True}, {"right": None, "distance": 35.2, "unit": "%"}, {"revealed": None}])
    '3 predictions: 1 right, 0 wrong, 1 number off by 35.2 points, 1 not revealed'
    >>> counted([{"right": False}])
    '1 prediction: 0 right, 1 wrong'
    """
    marks = [entry.get("right") for entry in steps]
    offs = [_off_by(entry) for entry in steps if entry.get("distance") is not None]
    parts = [f"{marks.count(True)} right", f"{marks.count(False)} wrong"]
    if offs:
        parts.append(f"{numbers.counted(len(offs), 'number')} off by {', '.join(offs)}")
    if hidden := len(steps) - len(offs) - sum(mark is not None for mark in marks):
        parts.append(f"{hidden} not revealed")
    return f"{numbers.counted(len(steps), 'prediction')}: {', '.join(parts)}"


def _off_by(entry: Mapping[str, Any]) -> str:
    points = " points" if "%" in entry["unit"] else f" {entry['unit']}".rstrip()
    return f"{entry['distance']:.1f}{points}"


def _off(entry: Mapping[str, Any]) -> list[str]:
    """How far a predicted number was off; nothing where none was predicted, or none measured."""
    if entry.get("distance") is None:
        return []
    off, unit = html.escape(_off_by(entry)), html.escape(entry["unit"])
    return [f"Off by <b>{off}</b>: measured {entry['measured']:.1f} {unit}".rstrip()]
