"""What the page of moving pictures shows: the plane, the network, its classes, one picture, the numbers."""

from __future__ import annotations

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.components import page_frame, render
from dashboard.format import numbers
from dashboard.forms.moving import choosing
from dashboard.model.moving import sentences, tables
from dashboard.model.moving.journey import Journey
from resq.measure.run.embedding.spec import EmbeddingSpec

Key = tuple[object, ...]


def shown(spec: EmbeddingSpec, there: cached.Embedded) -> None:
    """All levels of what is known of a spec."""
    with st.container(key="moving_view"):
        axis, number = choosing.view(spec)
    now = cached.journey_of(there, axis, number)
    if len(now.steps) < 2:
        st.caption("No step of this kind is measured yet: they come one after the other.")
        return
    left, right = st.columns([8, 5], gap="medium")
    with right:
        chosen = picture(now, (*there.key, axis, number))
    with left:
        plane(now, (*there.key, axis, number), chosen, there.source)
    network(now, (*there.key, axis))
    with page_frame.group("more"):
        render.numbers(
            partial(behind, now, chosen),
            None,
            [spec.command],
            called=f"{spec.checkpoint} {spec.encoding} {axis}",
        )
        render.help_page("moving_help", ["embedding", "picture_steps", "accuracy_steps", "class_steps"])


def plane(now: Journey, key: Key, chosen: int, source: str) -> None:
    """The figure in which pictures move, what it shows and how far it can be trusted."""
    sentence = sentences.sentence(now)
    drawn = cached.cached_figure(charts.CHARTS["embedding"].draw, (*key, chosen), now, chosen)
    render.figure(
        "embedding", drawn, key="embedding_chart", alt=sentence, title=False, on_select=choosing.click
    )
    st.markdown(sentence)
    st.markdown(sentences.honesty(now))
    st.caption(sentences.provenance(now, source))
    about = now.about
    if cached.other_weights([(about["checkpoint"], about["weights"])]):
        st.caption("Measured on other weights than those here: measure it again.")


def picture(now: Journey, key: Key) -> int:
    """One picture: which, what it is, its answers on the way."""
    st.header(charts.CHARTS["picture_steps"].title, anchor=False)
    chosen = choosing.picture(now)
    sentence = sentences.picture_sentence(now, chosen)
    with st.container(horizontal=True, vertical_alignment="center", key="moving_picture"):
        if (address := choosing.image(now, chosen)) is not None:
            st.image(address, width=96, alt=now.classes[now.labels[chosen]])
        st.markdown(sentence)
    drawn = cached.cached_figure(charts.CHARTS["picture_steps"].draw, (*key, chosen), now, chosen)
    render.figure("picture_steps", drawn, key="picture_chart", alt=sentence, title=False)
    return chosen


def network(now: Journey, key: Key) -> None:
    """The whole network, and its classes."""
    left, right = st.columns(2, gap="large")
    with left:
        sentence = sentences.network_sentence(now)
        drawn = cached.cached_figure(charts.CHARTS["accuracy_steps"].draw, key, now)
        render.figure("accuracy_steps", drawn, key="accuracy_chart", alt=sentence)
        st.markdown(sentence)
    with right:
        sentence = sentences.class_sentence(now)
        drawn = cached.cached_figure(charts.CHARTS["class_steps"].draw, key, now)
        render.figure("class_steps", drawn, key="class_chart", alt=sentence)
        st.markdown(sentence)


def behind(now: Journey, chosen: int) -> render.Behind:
    """The tables and the figures of all levels."""
    every = {"embedding": (now, chosen), "picture_steps": (now, chosen), "accuracy_steps": (now,),
             "class_steps": (now,)}  # fmt: skip
    drawn: dict[str, go.Figure] = {name: charts.CHARTS[name].draw(*of) for name, of in every.items()}
    return tables.every(now, chosen), drawn


def price(spec: EmbeddingSpec, again: bool) -> str:
    """What the button says."""
    return f"Measure{' again' * again}: {cached.price([spec], 'step')}"


def size(spec: EmbeddingSpec) -> str:
    """What will be measured, in words."""
    rates = f"{numbers.power(spec.bers[0])} to {numbers.power(spec.bers[-1])}"
    return (
        f"{spec.n} test pictures; {len(spec.bers)} bit error rates, {rates}, under {spec.maps} fault maps; "
        f"PGD with {len(spec.eps)} budgets up to {spec.eps[-1]:g}/255, {spec.steps} steps"
    )
