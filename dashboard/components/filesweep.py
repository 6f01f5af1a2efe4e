"""A deployed file's own curve, and beside it the lab's re-encodings of the same network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.charts import curves
from dashboard.components import job_status, page_frame, query, render
from dashboard.format import filewords, sentences, tables
from dashboard.model import filejobs
from dashboard.server import job_queue
from resq.core.errors import ResqError
from resq.measure.specs.sweep_spec import SweepSpec

ENCODINGS = ("int8-symmetric-tensor", "int8-symmetric", "int8")


def section(
    name: str, images: str, inputs: str, about: Mapping[str, Any], check: Mapping[str, Any] | None
) -> None:
    """What to sweep, its price, the curve."""
    st.header("How much can it take?", anchor=False)
    with page_frame.group("sweep"):
        spec = _spec(name, images, inputs)
    net = _imported(about["sha256"])
    specs = [spec, *_others(net, images, spec)]
    running = job_status.measurement(kind=SweepSpec, lost="The settings still hold; press “Sweep it” again.")
    with page_frame.group("live", "sweep"), st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Sweep it", type="primary", key="sweep", icon=":material/play_arrow:", on_click=job_status.start,
            args=(specs,), disabled=running is not None and running.active,
        )  # fmt: skip
        st.caption(_price(spec, about, check), width="stretch")
    st.fragment(_shown, run_every=0.5 if running is not None and running.active else None)(specs, running)
    st.caption(filewords.WHY)
    if net and (difference := filewords.differs(cached.card(net))):
        st.caption(f"Here it is also the checkpoint {render.plain(net)}. {difference}")


def _spec(name: str, images: str, inputs: str) -> SweepSpec:
    left, right = st.columns(2)
    with left:
        text = st.text_input("Bit error rates", ",".join(f"{b:g}" for b in filejobs.BERS), key="bers",
                             bind="query-params", max_chars=80)  # fmt: skip
        targets = st.selectbox(
            "Flip bits of", filewords.TARGETS, key="targets", bind="query-params", format_func=_target
        )
    with right:
        counts = query.with_asked("maps", (2, 5, 10, 20, 50), 1)
        maps = st.select_slider("Fault maps", counts, 10, key="maps", bind="query-params")
        many = query.with_asked("n", (100, 250, 500, 1000, 2000, 4000, 10000), 1)
        n = st.select_slider("Test images", many, 500, key="n", bind="query-params")
    return filejobs.sweep(name, images, inputs, _rates(text), targets or "weights", int(maps), int(n), 0)


def _target(name: str) -> str:
    return filewords.KINDS.get(name, "everything constant")


def _rates(text: str) -> tuple[float, ...]:
    try:
        rates = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError:
        raise ResqError(
            f"bit error rates are numbers with commas between them, such as 1e-4,1e-3, got {text!r}"
        ) from None
    if not 1 <= len(rates) <= 12:
        raise ResqError(f"1 to 12 bit error rates are swept at a time, got {len(rates)}")
    return rates


def _imported(sha256: str) -> str:
    """The checkpoint that is the same file, brought as weights; "" where there is none."""
    for net in cached.names():
        source = cached.card(net).get("source")
        if isinstance(source, dict) and str(source.get("sha256", "")).startswith(sha256):
            return net
    return ""


def _others(net: str, images: str, spec: SweepSpec) -> list[SweepSpec]:
    """The same sweep of the checkpoint that is the same file, in the encodings that are chosen."""
    if not net or spec.targets != "weights":
        return []
    with page_frame.group("sweep", "others"):
        chosen = st.pills("The same weights as this lab stores them", ENCODINGS, selection_mode="multi",
                          default=ENCODINGS[:1], key="encs", bind="query-params")  # fmt: skip
    return [
        SweepSpec(net, data=images, encoding=enc, bers=spec.bers, maps=spec.maps, n=spec.n, seed=spec.seed)
        for enc in chosen
    ]


def _price(spec: SweepSpec, about: Mapping[str, Any], check: Mapping[str, Any] | None) -> str:
    if check is None:
        return f"{spec.total} rows; “Run it” above measures how long one takes."
    counts = {kind: of["tensors"] for kind, of in about["targets"].items()}
    wanted = sum(counts.values()) if spec.targets == "all" else counts[spec.targets]
    tensors = wanted / max(1, counts["weights"])
    return filewords.cost(filewords.seconds(check, spec.total, spec.n, tensors), spec.total)


def _shown(specs: Sequence[SweepSpec], running: job_queue.Measurement | None) -> None:
    with render.errors_as_sentences():
        job_status.progress(running, of=specs)
        fresh = cached.measurements().rows(specs)
        known = cached.stored_curves(specs, "ber", fresh, running is not None and running.active)
        if not known.curves.empty:
            _figure(specs, known, fresh)
        elif running is not None and not running.active:
            st.caption("Nothing is measured with these settings yet: press “Sweep it”.")
        job_status.ended(running)


def _figure(specs: Sequence[SweepSpec], known: cached.StoredCurves, fresh: Sequence[Any]) -> None:
    chart, chance = charts.CHARTS["ber"], cached.chance_level(list(known.curves["data"]))
    drawn = cached.cached_figure(chart.draw, known.key, known.curves, chance, curves.order(specs))
    render.figure("ber", drawn, key="chart_file_ber", alt=sentences.finding(known.curves, "ber"), title=False)
    st.caption(sentences.provenance(known.curves, "Measured here"))
    with page_frame.group("more", "sweep"):
        render.numbers(
            partial(_behind, known, drawn), known.rows, [spec.command for spec in specs],
            called=f"{specs[0].checkpoint} {specs[0].targets}",
        )  # fmt: skip


def _behind(known: cached.StoredCurves, drawn: go.Figure) -> render.Behind:
    return {"ber": tables.curves(known.curves, "ber")}, {"ber": drawn}
