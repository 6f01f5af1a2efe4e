"""Widgets of the Protect page: network, sampler, rate or place, what to keep, budget; a mixture by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import cached
from dashboard.components import chosen, from_place, page_frame, query
from dashboard.model.storage import protection
from resq import checkpoints
from resq.core import Encoding
from resq.protect import mixtures
from resq.protect.timing.times import IMAGES

BATCH = IMAGES[-1]
TIME = f"time_{BATCH}"  # column of the points
SAMPLERS = ("random", "layer-uniform")
SLOWER = (1.01, 1.05, 1.1, 1.25, 1.5, 2.0, math.inf)
BUDGETS = (6.0, 8.0, 8.25, 8.5, 9.0, 10.0, 13.0, 16.0, 24.0, 40.0, math.inf)


@dataclass(frozen=True)
class Asked:
    """What the page is asked: network, sampler, a measured rate, share to keep, most bits, most time."""

    net: str
    fault: str
    rate: float
    keep: float
    most: float
    time: float = math.inf


def network(names: Sequence[str]) -> tuple[str, str]:
    """The network and the sampler."""
    left, right = st.columns(2)
    chosen.carry(list(names), "net")
    with left:
        net = st.selectbox("Network", names, key="net", bind="query-params")
    chosen.keep(net)
    with right:
        fault = st.segmented_control(
            "Which bits flip", SAMPLERS, key="sampler", default="random", required=True, bind="query-params",
            help="random: every stored bit alike; layer-uniform: a layer is drawn first, then a bit in it",
        )  # fmt: skip
    return net, fault or "random"


def budget(net: str, fault: str, known: Sequence[float], timed: bool) -> Asked:
    """Rate, share to keep and budget; of time where it was measured (``timed``)."""
    one, two, three, four = st.columns(4)
    usual = min(known, key=lambda rate: abs(math.log(rate / 1e-2)))
    with one:
        rate = float(
            st.select_slider(
                "Bit error rate of the memory",
                list(known),
                usual,
                key="ber",
                bind="query-params",
                format_func="{:g}".format,
            )
        )
    with two:
        keep = st.slider("Accuracy to keep, %", 50, 100, 99, key="keep", bind="query-params") / 100
    with three:
        most = float(
            st.select_slider(
                "Stored bits a weight, at most",
                query.with_asked("bits", BUDGETS),
                math.inf,
                key="bits",
                bind="query-params",
                format_func=lambda bits: "any" if math.isinf(bits) else f"{bits:g}",
            )
        )
    with four:
        time = _time(timed)
    return Asked(net, fault, from_place.measured_above(known) or rate, keep, most, time)


def _time(timed: bool) -> float:
    """The most time of a pass of a batch with all words decoded before it, over that without."""
    about = (
        f"a pass of {BATCH} images with all words decoded in C before it, over the pass alone, as measured"
        if timed
        else "not measured of this network: python -m resq overhead measures it"
    )
    chosen_time = st.select_slider(
        "Times a plain pass, at most", SLOWER, math.inf, key="time", bind="query-params",
        format_func=lambda x: "any" if math.isinf(x) else f"{x:g}", disabled=not timed, help=about,
    )  # fmt: skip
    return float(chosen_time) if timed else math.inf


def kinds() -> list[str]:
    """Which kinds of protection may be used; none chosen are all."""
    kind_names = st.pills(
        "What may be used", list(protection.KINDS), selection_mode="multi", key="kinds", bind="query-params",
        format_func=protection.KINDS.__getitem__, help="None chosen: all of them",
    )  # fmt: skip
    return list(kind_names or protection.KINDS)


def mixture(net: str) -> mixtures.Mixture:
    """A mixture by hand: plain words, a way to protect, how many of the most fragile layers."""
    sizes = tuple(checkpoints.sizes(net))
    plain = [base for some in mixtures.bases(Encoding.parse("int8")) for base in some]
    one, two, three = st.columns(3)
    with page_frame.group("mixture"):
        name = one.selectbox(
            "Plain words", [str(base) for base in plain], len(plain) - 1, key="base", bind="query-params"
        )
        base = Encoding.parse(name)
        ways = [str(other).removeprefix(f"{name}-") for other in mixtures.others(base)]
        if st.session_state.get("way") not in ways:
            st.session_state.pop("way", None)  # of longer words
        way = two.selectbox(
            "The most fragile layers as", ways, ways.index("x5"), key="way", bind="query-params"
        )
        count = three.slider("How many layers", 0, len(sizes), 0, key="layers", bind="query-params")
    first = cached.fragile_first(net)[:count]
    return mixtures.Mixture(base, mixtures.protected(base, way), tuple(sorted(first)), sizes)
