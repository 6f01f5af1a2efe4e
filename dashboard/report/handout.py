"""Lessons on paper: a handout for a class, and the key to it, each one HTML file to print."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

from dashboard.model import lessons, url_schema
from dashboard.model.parts.fixed_words import say

Reveal = Callable[[str], str]  # a reveal's text -> with its places filled
LOOK = """body { font: 11pt/1.45 Arial, sans-serif; color: #111; max-width: 46rem; margin: 2rem auto; }
h1 { font-size: 18pt } h2 { font-size: 14pt; margin-top: 2rem; break-after: avoid }
section { border-top: 1px solid #999; padding: .4rem 0; break-inside: avoid }
.why { border-bottom: 1px dotted #777; height: 1.6rem } .link { font-size: 8pt; word-break: break-all }
li { list-style: "\\2610  " } li.right { list-style: "\\2611  "; font-weight: bold }
aside { background: #eee; padding: .3rem .6rem } @page { margin: 16mm }"""


def page(every: Sequence[lessons.Lesson], base: str, reveal: Reveal | None = None) -> str:
    """Lessons to print: tasks, questions to tick, a line for why; the answers are left out.

    The sheet's own words are in the language of its lessons where all have one, else in English; those of a
    lesson always in the lesson's.

    Args:
        every: the lessons on the sheet, one or more.
        base: the lab's address, up to and without a page's name; the views are given below it.
        reveal: for a teacher's key, which ticks what is right and adds what was measured.
    """
    languages = {lesson.language for lesson in every}
    of = languages.pop() if len(languages) == 1 else "en"
    title = say(of, "key" if reveal else "handout")
    parts = [_lesson(lesson, base, reveal) for lesson in every]
    blank = f"{say(of, 'name')}: ______________________________ &nbsp; {say(of, 'date')}: ______________"
    name = "" if reveal else f"<p>{blank}</p>"
    return (
        f"<!doctype html><html lang={of}><meta charset=utf-8><title>{title}</title><style>{LOOK}</style>"
        f"<h1>{title}</h1>{name}{''.join(parts)}</html>"
    )


def _lesson(lesson: lessons.Lesson, base: str, reveal: Reveal | None) -> str:
    of = lesson.language
    steps = [_step(number, step, base, reveal, of) for number, step in enumerate(lesson.steps, 1)]
    minutes = say(of, "minutes", n=lesson.minutes)
    head = f"<h2>{html.escape(lesson.title)}</h2><p>{html.escape(lesson.about)} {minutes}</p>"
    return f"<div lang={of}>{head}{''.join(steps)}</div>"


def _step(number: int, step: lessons.Step, base: str, reveal: Reveal | None, of: str) -> str:
    around = url_schema.Shell(step.do, step.hide)
    link = url_schema.page_url(f"{base}/{step.page}", url_schema.query(step.page, step.query, around))
    asked = f"<p><b>{html.escape(step.ask)}</b></p>" if step.ask else ""
    right = step.right if reveal else ""
    blank = f"<p>{say(of, 'number')}: __________{step.unit}</p>"
    ticks = blank if step.scale else _ticks(step.choices, right)
    why = f"<p>{say(of, 'why')}</p><div class=why></div>"
    text = f"<aside>{words(reveal(step.reveal))}</aside>" if reveal else why
    do = html.escape(say(of, "then", do=step.do) if step.choices else step.do)
    return (
        f"<section><p><b>{number}.</b> ({say(of, 'min', n=step.minutes)}) {do}</p>{asked}{ticks}{text}"
        f"{_after(step, bool(reveal), of)}"
        f'<p class=link><a href="{html.escape(link)}">{html.escape(link)}</a></p></section>'
    )


def _ticks(choices: Sequence[str], right: str) -> str:
    lines = [f"<li{' class=right' * (choice == right)}>{html.escape(choice)}</li>" for choice in choices]
    return f"<ul>{''.join(lines)}</ul>"


def _after(step: lessons.Step, key: bool, of: str) -> str:
    """The reflection and the challenge; in a key what is right, and what is typically said."""
    parts = []
    if (asked := step.reflect) is not None:
        parts += [
            f"<p><i>{html.escape(asked.ask)}</i></p>",
            _ticks(asked.answers, asked.right if key else ""),
        ]
        parts.append(f"<p>{html.escape(asked.why)}</p>" if key else "")
    if step.challenge is not None:
        parts.append(f"<p><b>{say(of, 'design')}</b> {html.escape(step.challenge.ask)}</p>")
        parts.append(f"<p>{html.escape(step.challenge.why)}</p>" if key else "<div class=why></div>")
    if key and step.notes:
        parts.append(f"<p><b>{say(of, 'in_class')}</b> {html.escape(step.notes)}</p>")
    return "".join(parts)


def homework(base: str) -> str:
    """The homework grid to print: for each budget what is measured, what that allows in other norms, and why.

    Args:
        base: the lab's address, up to and without a page's name.
    """
    link = url_schema.page_url(f"{base}/sweep", url_schema.query("sweep", GRID))
    head = ("eps (L∞, 1/255)", "longest in L2: eps · √3072 / 255", "right, %", "explain in one sentence")
    rows = "".join(f"<tr><td>{eps}<td><td><td class=wide>" for eps in (0, 1, 2, 4, 8, 16))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>RESQ Lab: homework</title>"
        f"<style>{LOOK} {TABLE}</style><h1>RESQ Lab: how far may a picture move?</h1>"
        "<p>Name: ______________________________ &nbsp; Date: ______________</p>"
        "<p>A picture of 32 × 32 pixels in three colours has 3,072 values. Fill in the second column with a "
        "pencil, the third from the page below (what is not stored is measured there), and explain every "
        "line. Then: which of two pictures looks more changed, one in which every value moves by 8/255, or "
        "one in which 48 values move by 64/255? Both moves have the same L2 norm.</p>"
        f"<table><tr>{''.join(f'<th>{html.escape(name)}' for name in head)}</tr>{rows}</table>"
        f'<p class=link><a href="{html.escape(link)}">{html.escape(link)}</a></p></html>'
    )


GRID = {"nets": ["signs/resnet20/base"], "encs": ["int8"]}
TABLE = """table { border-collapse: collapse; width: 100% }
td, th { border: 1px solid #777; padding: .3rem; vertical-align: top }
tr { height: 3.2rem } th { font-size: 9pt; text-align: left } td.wide { width: 45% }"""


def words(text: str) -> str:
    """A reveal's Markdown as HTML: no more than emphasis and code.

    >>> words("*a* < **b**, `c`")
    '<i>a</i> &lt; <b>b</b>, <code>c</code>'
    """
    parts = html.escape(text, quote=False)
    for mark, tag in ((r"\*\*", "b"), (r"\*", "i"), ("`", "code")):
        parts = re.sub(f"{mark}(.+?){mark}", rf"<{tag}>\1</{tag}>", parts)
    return parts
