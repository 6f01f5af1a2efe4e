"""A deployed file's own curve, and beside it the lab's re-encodings of the same network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, curvecharts, data, filejobs, filewords, follow, live, shell, show, tables, words
from resq.errors import ResqError
from resq.measure.spec import SweepSpec

ENCODINGS = ("int8-symmetric-tensor", "int8-symmetric", "int8")


def section(
    name: str, images: str, inputs: str, about: Mapping[str, Any], check: Mapping[str, Any] | None
) -> None:
    """What to sweep, its price, the curve."""
    st.header("How much can it take?", anchor=False)
    with shell.group("sweep"):
        spec = _asked(name, images, inputs)
    net = _imported(about["sha256"])
    specs = [spec, *_others(net, images, spec)]
    running = follow.measurement(kind=SweepSpec, lost="The settings still hold; press “Sweep it” again.")
    with shell.group("live", "sweep"), st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Sweep it", type="primary", key="sweep", icon=":material/play_arrow:", on_click=follow.start,
            args=(specs,), disabled=running is not None and running.active,
        )  # fmt: skip
        st.caption(_price(spec, about, check), width="stretch")
    st.fragment(_shown, run_every=0.5 if running is not None and running.active else None)(specs, running)
    st.caption(filewords.WHY)
    if net and (said := filewords.differs(data.card(net))):
        st.caption(f"Here it is also the checkpoint {show.plain(net)}. {said}")


def _asked(name: str, images: str, inputs: str) -> SweepSpec:
    left, right = st.columns(2)
    with left:
        text = st.text_input("Bit error rates", ",".join(f"{b:g}" for b in filejobs.BERS), key="bers",
                             bind="query-params", max_chars=80)  # fmt: skip
        targets = st.selectbox(
            "Flip bits of", filewords.TARGETS, key="targets", bind="query-params", format_func=_target
        )
    with right:
        maps = st.select_slider("Fault maps", (2, 5, 10, 20, 50), 10, key="maps", bind="query-params")
        n = st.select_slider(
            "Test images", (100, 250, 500, 1000, 2000, 4000, 10000), 500, key="n", bind="query-params"
        )
    return filejobs.sweep(name, images, inputs, _rates(text), targets or "weights", int(maps), int(n), 0)


def _target(name: str) -> str:
    return filewords.KINDS.get(name, "everything constant")


def _rates(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError:
        raise ResqError(
            f"bit error rates are numbers with commas between them, such as 1e-4,1e-3, got {text!r}"
        ) from None
    if not 1 <= len(found) <= 12:
        raise ResqError(f"1 to 12 bit error rates are swept at a time, got {len(found)}")
    return found


def _imported(sha256: str) -> str:
    """The checkpoint that is the same file, brought as weights; "" where there is none."""
    for net in data.names():
        source = data.card(net).get("source")
        if isinstance(source, dict) and str(source.get("sha256", "")).startswith(sha256):
            return net
    return ""


def _others(net: str, images: str, spec: SweepSpec) -> list[SweepSpec]:
    """The same sweep of the checkpoint that is the same file, in the encodings that are chosen."""
    if not net or spec.targets != "weights":
        return []
    with shell.group("sweep", "others"):
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


def _shown(specs: Sequence[SweepSpec], running: live.Measurement | None) -> None:
    with show.in_words():
        follow.progress(running)
        fresh = data.measurements().rows(specs)
        known = data.known(specs, "ber", fresh, running is not None and running.active)
        if not known.curves.empty:
            _figure(specs, known, fresh)
        follow.ended(running)


def _figure(specs: Sequence[SweepSpec], known: data.Known, fresh: Sequence[Any]) -> None:
    chart, chance = charts.CHARTS["ber"], data.chance(list(known.curves["data"]))
    drawn = data.once(chart.draw, known.key, known.curves, chance, curvecharts.order(specs))
    show.figure("ber", drawn, key="chart_file_ber", alt=words.finding(known.curves, "ber"), title=False)
    struck = specs[0].targets
    st.caption(f"Struck: {_target(struck)}. {words.provenance(known.curves, 'Measured here')}")
    with shell.group("more", "sweep"):
        show.numbers(partial(_behind, known, drawn), known.rows, [spec.command for spec in specs])


def _behind(known: data.Known, drawn: go.Figure) -> show.Behind:
    return {"ber": tables.curves(known.curves, "ber")}, {"ber": drawn}
