"""Puts things on the screen: figures with what makes them checkable, sentences for empty states."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.charts import theme
from dashboard.charts.plain.figure import PlainFigure, whole
from dashboard.components import page_frame
from dashboard.format import encodings
from dashboard.format.sentences import Verdict
from dashboard.report import bundle, html_report, paper
from resq import checkpoints
from resq.core import commands, logs
from resq.core.errors import ResqError
from resq.measure.store import table as row_table

PAUSE = 0.008  # s
FAULT = ":material/bug_report:"
HERE = Path(__file__).resolve().parents[1]
ICONS = {
    "same": ":material/check_circle:",
    "righted": ":material/swap_horiz:",
    "changed": ":material/swap_horiz:",
    "wrong": ":material/cancel:",
    "none": ":material/error:",
}


def page(title: str, sentence: str, bring: Callable[[], None] | None = None) -> None:
    """A page's question, what it is about, and the button that shares the view.

    Args:
        bring: draws the button that brings a network of one's own, on pages that have a list of them.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="shell_title"):
        st.title(title, anchor=False, width="stretch")
        if bring:
            with page_frame.group("own", "top"):
                bring()
        page_frame.share_button()
    with st.container(key="shell_sentence"):
        st.markdown(sentence)


def section(title: str) -> None:
    """A heading over several figures, each of which has its own."""
    with st.container(key="section"):
        st.header(title, anchor=False)


def text(name: str) -> str:
    """A text of the folder text/."""
    return (HERE / "text" / f"{name}.md").read_text(encoding="utf-8")


def error_box(sentence: str, command: str = "") -> None:
    """An empty or broken state: what is missing and what to do."""
    with st.container(border=True):
        st.markdown(f":material/info: {sentence}")
        if command:
            terminal(command)


def flush_page() -> None:
    """Pauses so that the browser gets the page so far and draws it while the rest is computed.

    The thread that sends waits for the interpreter as long as this one computes.
    """
    time.sleep(PAUSE)


def terminal(*commands: str) -> None:
    """Commands as they are typed; a click selects them all.

    ``st.code`` would load colours for every language, 1.5 MB of script that takes longer to start than a
    figure to draw; it stays where somebody has opened a box.
    """
    lines = [" ".join(f"<span>{html.escape(word)}</span>" for word in c.split(" ")) for c in commands]
    st.html(f'<pre class="terminal" title="a click selects it">{chr(10).join(lines)}</pre>')


# What GitHub's Markdown links without being asked: mail addresses that end in a letter, and web addresses.
LINKED = re.compile(
    r"((?<![\w.+@`-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[\w-]*[A-Za-z](?![\w`-])"
    r"|(?:https?://|www\.)[^\s`]+)"
)


def plain(text: str) -> str:
    r"""The text as Markdown shows it letter by letter: names come from files and links, so they draw nothing.

    What Markdown makes a link of by itself, a mail or web address as file@hash.onnx looks like one, stands as
    code: an escape does not keep it from becoming one.

    >>> print(plain("no *checkpoint* [a](http://b) of net_1@b5c0046d.onnx"))
    no \*checkpoint\* \[a\]\(`http://b)` of `net_1@b5c0046d.onnx`
    """
    parts = LINKED.split(text)  # what is linked stands at the odd places
    escaped = [re.sub(r"([\\`*_{}\[\]()<>#+!|~:$&])", r"\\\1", part) for part in parts]
    return "".join(f"`{part}`" if i % 2 else escaped[i] for i, part in enumerate(parts))


def unlinked(text: str) -> str:
    """A text of the lab's own with names of files in it: these stand as code, so that none is a mail link.

    >>> unlinked("**of** net@b5c0046d.onnx as `int4-x3@0.5`")
    '**of** `net@b5c0046d.onnx` as `int4-x3@0.5`'
    """
    return LINKED.sub(r"`\1`", text)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Shows the sentence of an expected failure in the place of the content.

    Any other error is a fault of the lab: it is logged with where it arose, and the page says so by its id.
    """
    try:
        yield
    except ResqError as error:
        logs.refused(error, where())
        error_box(plain(str(error)))
    except FileNotFoundError as error:
        logs.refused(error, where())
        error_box(f"A file is not there: {plain(str(error))}")
    except OSError as error:  # a full or read-only disk, a folder without permission
        logs.refused(error, where())
        error_box(f"This machine refused a file: {plain(str(error))}")
    except ImportError as error:
        logs.refused(error, where())
        error_box(
            f"This needs a package that cannot be loaded here ({plain(str(error))}). Install what this "
            "project asks for, then start the dashboard again.",
            "pip install -r requirements.txt",
        )
    except Exception as error:
        fault(logs.fault(error, where()), error)


def where() -> str:
    """The page that a visitor is on, for the log."""
    return f"page {st.session_state.get('page', '') or 'start'}"


def fault(key: str, error: Exception) -> None:
    """Says that the lab has a fault, by the id under which it was logged."""
    with st.container(border=True):
        st.markdown(f"{FAULT} This is a fault of the lab, not of what you did; it was logged as `{key}`.")
        if logs.debugging():
            st.exception(error)


def figure(
    name: str,
    drawn: go.Figure | PlainFigure,
    *,
    key: str,
    alt: str,
    title: bool = True,
    caption: bool = True,
    on_select: Callable[[], None] | None = None,
) -> None:
    """A figure with its title above and how to read it below; larger for a projector.

    Args:
        on_select: called when a point is clicked; it finds the selection in the session under ``key``.
    """
    chart = charts.CHARTS[name]
    if title:
        st.header(chart.title, anchor=False)
    if page_frame.presenting():
        drawn = theme.enlarge(whole(drawn), 1.35)
    pick: dict[str, Any] = {"on_select": on_select, "selection_mode": "points"} if on_select else {}
    st.plotly_chart(drawn, key=key, config=theme.shown(camera_name(name)), alt=alt, **pick)
    if caption:
        st.caption(chart.caption)


def camera_name(name: str) -> str:
    """What a picture from the camera is called: the chart, and the network that the address names."""
    named = [*st.query_params.get_all("net"), *st.query_params.get_all("enc")]
    return paper.file_name(name, " ".join(named))


def opened(key: str, label: str, name: str, draw: Callable[[], go.Figure], alt: str) -> None:
    """A figure in a box, made when the box is opened: each on the page is a tenth of a second's wait."""
    box = st.expander(label, icon=":material/show_chart:", key=key, on_change="rerun")
    with box:
        if box.open:
            figure(name, draw(), key=name, alt=alt, title=False)


Behind = tuple[Mapping[str, pd.DataFrame], Mapping[str, go.Figure]]  # numbers as people read them


def numbers(
    made: Callable[[], Behind],
    rows: pd.DataFrame | None,
    commands: Sequence[str] | Callable[[], Sequence[str]],
    key: str = "numbers",
    called: str = "",
) -> None:
    """The tables behind figures, files to take home, and the commands that made them; made when opened.

    Args:
        made: the tables and the figures by chart; called when the box is open.
        rows: the measured rows behind them, all columns; None: the tables themselves are the files.
        commands: those that made them, or what gives them when the box is open.
        called: what the figures are of, for the names of their files.
    """
    label = "Numbers, files, and the command that made them"
    box = st.expander(label, icon=":material/table:", key=key, on_change="rerun")
    with box:
        if not box.open:
            return
        tables, figures = made()
        figures = {name: whole(drawn) for name, drawn in figures.items()}
        for name, table in tables.items():
            st.markdown(f"**{charts.CHARTS[name].title}**")
            st.dataframe(table, hide_index=True)
        with st.container(horizontal=True):
            if rows is not None:
                _download("Rows as CSV", partial(row_table.csv, rows), "resq-rows.csv", "text/csv", key)
            for name, table in tables.items() if rows is None else ():
                label = f"“{charts.CHARTS[name].title}” as CSV"
                _download(label, partial(row_table.csv, table), f"resq-{name}.csv", "text/csv", key)
        for name, drawn in figures.items():
            _figure_files(name, drawn, called, key)
        if not html_report.browser():
            st.caption(
                "SVG, PDF and PNG on white need Chromium or Chrome on this server; the camera at the upper "
                "right of each figure gives a PNG without it."
            )
        if lines := commands() if callable(commands) else commands:
            st.markdown("The same in a terminal:")
            st.code("\n".join(lines), language="bash", wrap_lines=True)


def _figure_files(name: str, drawn: go.Figure, called: str, key: str) -> None:
    """Buttons for one figure: as papers print it, and to look into."""
    file = paper.file_name(name, called)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"“{charts.CHARTS[name].title}”", width="content")
        for form, mime in paper.FORMS.items() if html_report.browser() else ():
            _download(form.upper(), partial(paper.drawn, drawn, form), f"{file}.{form}", mime, key)
        _download("HTML", partial(standalone, drawn), f"{file}.html", "text/html", key)


def _download(label: str, make: Callable[[], str | bytes], file: str, mime: str, key: str) -> None:
    """A button whose file is made when it is pressed."""
    icon = ":material/download:"
    st.download_button(label, make, file, mime, on_click="ignore", icon=icon, key=f"{key}-{file}")


def standalone(drawn: go.Figure) -> str:
    """The figure as one HTML file that needs no network and offers to send nothing anywhere."""
    return bundle.page(theme.on_white(drawn))


def verdict(judgement: Verdict) -> None:
    """The verdict, large."""
    with st.container(key=f"verdict_{judgement.kind}", gap=None):
        st.header(f"{ICONS[judgement.kind]} {judgement.headline}", anchor=False)
        st.markdown(judgement.detail)


def style() -> None:
    """The few rules that Streamlit's own theme cannot say."""
    st.html(HERE / "style.css")


BRACKETS = (
    "In brackets: 95 %, over fault maps and images together; without flips, or under attack, over images "
    "alone. Differences are paired; under PGD an accuracy is an upper bound."
)


def sources(of: Sequence[str]) -> None:
    """What the figures of a text are, in a box; nothing where it has none."""
    if of:
        with st.popover("What these figures are", icon=":material/fact_check:"):
            st.caption(BRACKETS)
            st.markdown("\n".join(f"- {plain(source)}" for source in dict.fromkeys(of)))


def answered(picture: str, alt: str, judgement: Verdict, key: str = "answer") -> None:
    """A picture beside the verdict on it."""
    with st.container(key=f"{key}_picture", horizontal=True, vertical_alignment="center", gap="small"):
        st.image(picture, width=104, alt=alt)
        with st.container(gap=None):
            verdict(judgement)


def thumbnails(addresses: tuple[str, ...]) -> None:
    """Puts the pictures on the options of the control with key ``img``."""
    rules = [
        f".st-key-img button:nth-of-type({i + 1}) {{ background-image: url({address}); }}"
        for i, address in enumerate(addresses)
    ]
    st.html(f"<style>{''.join(rules)}</style>")


UNTRAINED = (
    "There is no trained network on this machine yet. Train the small one; it takes a few minutes:",
    "python -m resq train assets/specs/recipes/signs-resnet20-base.toml",
)


UNMEASURED = (
    "Nothing is measured on this machine yet. The Sweep page measures live, or in a terminal:",
    "python -m resq sweep signs/resnet20/base",
)


def change(column: object, name: str, before: str, after: str) -> None:
    """A number before and after."""
    same = before == after
    column.metric(  # type: ignore[attr-defined]
        name,
        after,
        "as stored" if same else f"was {before}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",  # beside others as high as the highest
    )


def missing_images(names: Iterable[str], so: str) -> bool:
    """Whether images of a data set are not on this machine; then it says so, what follows, and what to do."""
    away = sorted(name for name in set(names) if not cached.present(name))
    for name in away:
        error_box(
            f"The images of {name} are not on this machine, so {so}. "
            f"Set RESQ_DATA to a folder that holds {name}/test*.parquet, or fetch them:",
            commands.line(["data", name, "--download"]),
        )
    return bool(away)


def missing_weights(names: Iterable[str], so: str) -> bool:
    """Whether weights of a network are not on this machine; then it says so, what follows, and what to do."""
    away = sorted(set(names) & set(cached.unshipped()))
    for name in away:
        error_box(
            f"The weights of {name} are not on this machine, so {so}. This makes them:",
            checkpoints.making(cached.card(name)),
        )
    return bool(away)


def unknown_names(key: str, names: Sequence[str]) -> None:
    """A sentence for each network that the link names under ``key`` and that is none of ``names``."""
    for name in list(dict.fromkeys(filter(None, st.query_params.get_all(key))))[:3]:
        if name not in names and not missing_weights([name], "this page cannot show it"):
            named = plain(name if len(name) <= 80 else f"{name[:80]}…")
            error_box(
                f"The link names the network {named}, which this page does not have: choose one of the list."
            )


def encodings_in_words(names: Iterable[str]) -> None:
    """The line below a box of encodings: what those that list layers are; a link holds the exact names."""
    if text := encodings.explained(names):
        st.caption(text)


def pictures(name: str) -> cached.Pictures | None:
    """The images to choose from; None, with a sentence, where they are not on this machine."""
    if missing_images([name], "only bits and weights are shown"):
        return None
    images = cached.pictures(name)
    thumbnails(images.thumbnails)
    return images


def help_page(name: str, figures: list[str]) -> None:
    """How to read the page: its text and the captions of its figures, drawn when the box is opened."""
    st.fragment(_help)(name, figures)


def _help(name: str, figures: list[str]) -> None:
    box = st.expander("How to read this page", icon=":material/help:", key="help", on_change="rerun")
    with box:
        if box.open:
            st.markdown(text(name))
            for figure_name in figures:
                chart = charts.CHARTS[figure_name]
                title = chart.title if chart.title.endswith("?") else f"{chart.title}."
                st.markdown(f"**{title}** {chart.caption}")
