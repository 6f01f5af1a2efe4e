"""Protect: what to store, at which price?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.components import job_status, page_frame, render, upload
from dashboard.format import numbers
from dashboard.forms import protection as form
from dashboard.forms.protection import Asked
from dashboard.model.storage import protection, protection_commands, protection_says
from dashboard.server import job_queue
from resq.measure.specs.sweep_spec import SweepSpec
from resq.protect import wording
from resq.protect.mixtures import Mixture

MAPS, IMAGES = 6, 300  # of a measurement begun here: a minute, not an hour


def page(names: Sequence[str]) -> None:
    """The whole page."""
    render.unknown_names("net", names)
    with page_frame.group("network"):
        net, fault = form.network(names)
    running = job_status.measurement(kind=SweepSpec, lost="Press “Measure this mixture” to measure it again.")
    every = 1.0 if running is not None and running.active else None
    st.fragment(shown, run_every=every)(net, fault, running)


def shown(net: str, fault: str, running: job_queue.Measurement | None) -> None:
    """The results, or a sentence; again and again while something is measured."""
    with render.errors_as_sentences():
        job_status.progress(running)
        fresh = [row for row in running.rows if row["checkpoint"] == net] if running is not None else []
        points_frame = cached.protections(net, fault, fresh)
        if points_frame.empty:
            nothing(net, fault)
        else:
            results(net, fault, points_frame, tuple((row["key"], row["correct"]) for row in fresh))
        job_status.ended(running)


def nothing(net: str, fault: str) -> None:
    """What to do where there is no row yet."""
    render.error_box(
        f"Nothing is stored for {render.plain(net)} under this sampler. A search needs no stored rows:",
        protection_says.command(net, 1e-2, 0.99, math.inf, fault, data=cached.data_of(net)),
    )


def results(net: str, fault: str, points_frame: pd.DataFrame, seen: tuple[Any, ...]) -> None:
    """Controls, answer, figure, a mixture by hand, searches that were run.

    Args:
        seen: the rows measured here that are among the points; with the stored ones they decide them.
    """
    known = protection.rates(points_frame)
    with page_frame.group("budget"):
        asked = form.budget(net, fault, known, bool(points_frame[form.TIME].notna().any()))
    with page_frame.group("kinds"):
        kinds = form.kinds()
    usable = protection.within(points_frame[points_frame["kind"].isin(kinds)], asked.time)
    at = usable[usable["ber"] == asked.rate]
    answer = protection.answer(at, asked.keep, asked.most)
    budget = protection_says.Budget(asked.most, asked.time, kinds)
    text = protection_says.answer(answer, asked.rate, asked.keep, budget)
    with st.container(key="protect_says"):
        st.markdown(text)
        searches = cached.searches(net)
        st.markdown(protection_says.searched_apart(searches, fault, asked.rate, answer, budget))
    deploy(asked, at[at["encoding"] == answer.encoding])
    shown_points = partial(at_three_rates, usable, known, asked.rate)
    drawn = None
    if usable["ber"].isin(protection.three(known, asked.rate)).any():
        key = (asked, tuple(kinds), answer.encoding, cached.weights_of(net), seen)
        drawn = cached.cached_figure(figure, key, shown_points, asked, known, answer.encoding)
        render.figure("protection", drawn, key="protection_chart", alt=text)
    if not cached.is_file(net):  # whose tensors are known where the file is
        by_hand(asked, points_frame)
    searched(net)
    below(asked, shown_points if drawn is not None else lambda: at, drawn)


def at_three_rates(usable: pd.DataFrame, known: Sequence[float], rate: float) -> pd.DataFrame:
    """The points at the rates that are drawn, and whether nothing beats them (``front``); one at least."""
    parts = [usable[usable["ber"] == one] for one in protection.three(known, rate)]
    return pd.concat([at.assign(front=at.index.isin(protection.front(at).index)) for at in parts if len(at)])


def figure(
    points: Callable[[], pd.DataFrame], asked: Asked, known: Sequence[float], chosen: str
) -> go.Figure:
    """The plane at three rates; ``points`` gives them, when it is not kept from before."""
    rates = protection.three(known, asked.rate)
    return charts.CHARTS["protection"].draw(points(), rates, asked.keep, asked.most, chosen)


def deploy(asked: Asked, answered: pd.DataFrame) -> None:
    """The command that measured the answer, the one that searches anew, the files of what it stores.

    Args:
        answered: the answer's point; empty where there is none.
    """
    if not answered.empty:
        st.caption("This measures the answer again:")
        render.terminal(*protection_commands.measuring(asked.net, answered))
    st.caption(
        "This is a new search: it asks for the same rate, share and budget, tries mixtures by layer on "
        "held-out images, knows none of the rows here, and may choose another way to store the weights:"
    )
    render.terminal(command_of(asked))
    if not answered.empty:
        download(asked.net, str(answered["encoding"].iloc[0]), "answer")


def download(net: str, encoding: str, key: str) -> None:
    """A button whose .zip is made when it is pressed."""
    if cached.is_file(net) and cached.kept_file(net) is None:
        named = net.replace("`", "")
        render.error_box(
            f"The file `{named}` is not on this machine, so its words cannot be written: bring it above "
            "(“Bring a network”)."
        )
        return
    if not cached.is_file(net) and render.missing_weights([net], "its words cannot be written"):
        return
    st.download_button(
        f"Files to deploy: {encoding}", partial(cached.archive, net, encoding),
        f"{net.replace('/', '-')}-{encoding}.zip", "application/zip", on_click="ignore",
        icon=":material/download:", key=f"deploy_{key}",
        help="words.bin, layout.json, scales.npz and, where it reads these words, decoder.c",
    )  # fmt: skip


def command_of(asked: Asked) -> str:
    """The search for what was asked."""
    data = cached.data_of(asked.net)
    return protection_says.command(
        asked.net, asked.rate, asked.keep, asked.most, asked.fault, time=asked.time, data=data
    )


def by_hand(asked: Asked, points_frame: pd.DataFrame) -> None:
    """A mixture that is put together with sliders: its bits, and what is measured of it."""
    st.header("A mixture by hand", anchor=False)
    chosen = form.mixture(asked.net)
    name = str(chosen.encoding)
    at = points_frame[(points_frame["encoding"] == name) & (points_frame["ber"] == asked.rate)]
    if len(at):
        one = protection.answer(at, asked.keep, math.inf)
        st.markdown(protection_says.measured(one, asked.rate))
    else:
        unmeasured(asked, chosen, name)
    download(asked.net, name, "mixture")


def unmeasured(asked: Asked, chosen: Mixture, name: str) -> None:
    """Says that a mixture was not measured, and what measuring it costs."""
    spec = SweepSpec(asked.net, encoding=name, fault=asked.fault, bers=(0.0, asked.rate), maps=MAPS, n=IMAGES)
    st.markdown(
        f"`{name}` takes **{chosen.bits:.2f} bits a weight**; what it keeps at "
        f"{numbers.power(asked.rate)} is **not measured**."
    )
    data = [cached.card(asked.net)["data"]]
    if render.missing_images(data, "nothing can be measured") or render.missing_weights(
        [asked.net], "nothing can be measured"
    ):
        return
    with page_frame.group("live"):
        st.button(
            f"Measure this mixture: {cached.price([spec])}", key="measure_mixture", type="primary",
            on_click=job_status.start, args=([spec],), icon=":material/play_arrow:",
            help=f"{MAPS} fault maps on {IMAGES} test images",
        )  # fmt: skip


def searched(net: str) -> None:
    """The searches that were run on this network, each with its comparison."""
    known = cached.searches(net)
    if not known:
        return
    st.header("Searches that were run", anchor=False)
    for search in known:
        with st.expander(
            f"{protection_says.searched(search)}: `{search['encoding']}`", icon=":material/search:"
        ):
            st.markdown(render.unlinked(wording.sentence(search)))
            st.markdown(render.unlinked(wording.against(search)))
            st.caption(wording.passes(search))


def below(asked: Asked, points: Callable[[], pd.DataFrame], drawn: go.Figure | None) -> None:
    """The numbers, and how to read it all; ``points`` gives those of the figure."""
    with page_frame.group("more"):
        render.numbers(
            lambda: (
                {"protection": protection_says.table(points())},
                {"protection": drawn} if drawn is not None else {},
            ),
            None,
            lambda: protection_commands.measuring(asked.net, points()),
            called=f"{asked.net} {asked.fault} ber {asked.rate:g}",
        )
        render.help_page("protect_help", ["protection"])


render.page("What do I store, and what does it cost?", render.text("protect"), upload.button)
with render.errors_as_sentences():
    here = cached.names()
    measured = [name for name in cached.measured_most() if name in here]
    if measured:  # a brought network has no stored rows: the page then says how to search for its protection
        own = [name for name in here if name.rpartition("/")[2].startswith("own-")]
        page([*measured, *cached.protected_files(), *own])
    else:
        render.error_box(*(render.UNMEASURED if here else render.UNTRAINED))
