"""The plan of a class on paper: one HTML file to print, minutes at the left, what to ask at the right."""

from __future__ import annotations

import html
from collections.abc import Sequence

from dashboard.model import lesson_plan, lessons, url_schema
from dashboard.report import handout

LOOK = handout.LOOK + (
    " table { border-collapse: collapse; width: 100% } td, th { border-top: 1px solid #999; padding: .4rem; "
    "text-align: left; vertical-align: top } td:first-child { white-space: nowrap; font-weight: bold } "
    "tr { break-inside: avoid } .notes { width: 30% }"
)


def page(parts: Sequence[lesson_plan.Part], every: Sequence[lessons.Lesson], base: str) -> str:
    """The parts in order, each with its minutes, its questions, and room for notes.

    Args:
        base: the lab's address, up to and without a page's name.
    """
    title = f"RESQ Lab: a plan for {sum(part.minutes for part in parts)} minutes"
    known = {lesson.name: lesson for lesson in every}
    lines, at = [], 0
    for part in parts:
        lines.append(_line(part, at, known.get(part.lesson), base))
        at += part.minutes
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{LOOK}</style>"
        f"<h1>{title}</h1><p>What is right, and what was measured, stands in the teacher's key.</p>"
        f"<table><tr><th>Minutes</th><th>What</th><th class=notes>Notes</th></tr>{''.join(lines)}</table>"
        "</html>"
    )


def _line(part: lesson_plan.Part, at: int, lesson: lessons.Lesson | None, base: str) -> str:
    """One part as a line of the table."""
    asked = _asked(lesson, part.steps, base) if lesson else ""
    return (
        f"<tr><td>{at} to {at + part.minutes}</td><td>{html.escape(part.do)}{asked}</td>"
        "<td class=notes></td></tr>"
    )


def _asked(lesson: lessons.Lesson, steps: int, base: str) -> str:
    """What the steps of a lesson ask, and where the lesson is."""
    link = html.escape(
        url_schema.page_url(f"{base}/lessons", url_schema.query("lessons", {"lesson": lesson.name}))
    )
    questions = "".join(
        f"<p>{number}. {html.escape(_question(step))}</p>"
        for number, step in enumerate(lesson.steps[:steps], 1)
    )
    return (
        f'<p><b>{html.escape(lesson.title)}</b></p>{questions}<p class=link><a href="{link}">{link}</a></p>'
    )


def _question(step: lessons.Step) -> str:
    """What a step asks, with its choices or the ends of its scale; its task where it asks nothing."""
    choices = ", ".join(step.choices)
    if step.scale:
        choices = f"a number from {step.scale[0]:g} to {step.scale[1]:g}{step.unit}"
    return f"{step.ask or step.do}{f' ({choices})' if choices else ''}"
