"""Moving pictures: where do pictures go when bits flip?"""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.components import job_status, page_frame, render, upload
from dashboard.forms import filelab
from dashboard.forms.moving import telling
from dashboard.model.moving import choice
from dashboard.server import job_queue
from resq.measure.run.embedding.spec import EmbeddingSpec


def shown(spec: EmbeddingSpec, running: job_queue.Measurement | None) -> None:
    """Progress and results, or a sentence: a fragment runs again without the page around it."""
    with render.errors_as_sentences():
        job_status.progress(running, "steps")
        there = cached.embedded(spec)
        now = running is not None and running.active
        if there.rows:
            telling.shown(spec, there)
        elif now:
            st.caption("The first step appears in a few seconds.")
        else:
            render.error_box(
                f"Nothing is stored for {render.plain(spec.checkpoint)} in {spec.encoding} yet. The button "
                "says what that takes; or in a terminal:", spec.command,
            )  # fmt: skip
        job_status.ended(running)


def button(spec: EmbeddingSpec, running: job_queue.Measurement | None) -> None:
    """What can be done about rows that are not there."""
    so = "stored steps are shown and nothing can be measured"
    away = render.missing_images([cached.card(spec.checkpoint)["data"]], so)
    stored = bool(cached.embedded(spec).rows)
    with page_frame.group("live"):
        st.button(
            telling.price(spec, stored), key="measure_moving", icon=":material/play_arrow:",
            on_click=job_status.start, args=([spec],), help=telling.size(spec),
            disabled=away or (running is not None and running.active),
            type="secondary" if stored else "primary",
        )  # fmt: skip


def of_file(name: str) -> None:
    """The one sentence on a deployed file, and the pages that take it."""
    render.error_box(
        f"{render.plain(name)} is a deployed file: its runtime gives answers and no features, so there is "
        "nothing to place its pictures by. Choose a network of the list, or look at the file here:"
    )
    with st.container(horizontal=True):
        page_frame.link("layers", "Layers with this file", net=name)
        page_frame.link("bitlab", "Bit lab with this file", net=name)


def page(names: list[str]) -> None:
    """The whole page."""
    first, second = st.columns(2)
    picked = filelab.network_and_encoding(names, first, second, of_file)
    if picked is None:
        return
    net, enc = picked
    render.encodings_in_words([enc])
    spec = choice.spec(net, enc)
    running = job_status.measurement(kind=EmbeddingSpec, lost="Measure it again with the button above.")
    stored = bool(cached.embedded(spec).rows)
    above = None if stored else st.container(key="priced")
    every = 1.0 if running is not None and running.active else None
    st.fragment(shown, run_every=every)(spec, running)
    render.flush_page()
    priced = above or st.container(key="priced_below")
    with priced:  # last: the figures need not wait until the network is timed
        button(spec, running)


render.page("Where do pictures go when bits flip?", render.text("moving"), upload.button)
with render.errors_as_sentences():
    known = cached.names()
    if known:
        page(known)
    else:
        render.error_box(*render.UNTRAINED)
