"""Layers: which layers and which bits matter?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.charts import layers
from dashboard.components import job_status, mixed_encoding, page_frame, query, render, upload
from dashboard.format import sentences, tables
from dashboard.format.encodings import stored_as
from dashboard.forms import filelab
from dashboard.model import bit_plane, flip_animation, layer_view
from dashboard.server import job_queue
from resq.measure.analysis.layer_heatmap import LayerSpec

Draw = Callable[[], go.Figure]
MAPS = 4  # of a measurement begun here: minutes, not an hour
SINGLES = 8  # single flips of each cell for the program vulnerability factor


def pick() -> None:
    """Takes over a click on the picture; the outline and the lists then follow."""
    clicked = layer_view.clicked_cell(st.session_state.layer_heat.selection.points)
    if clicked:
        st.session_state.layer = clicked[0]
        if clicked[1] is not None:
            st.session_state.bit = clicked[1]


def cell(names: list[str], enc: str) -> tuple[str, int]:
    """The chosen layer and bit: the keyboard's way to a cell."""
    bits, first = layer_view.bits(enc), layer_view.top(enc)
    if st.session_state.get("bit", first) not in bits:
        del st.session_state["bit"]  # chosen in an encoding with longer words
    with page_frame.group("cell"), st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox(
            "Layer", names, key="layer", bind="query-params", format_func=lambda n: n.removesuffix(".weight")
        )
        bit = st.selectbox(
            "Bit", bits, bits.index(first), key="bit", bind="query-params", format_func=str, width=120
        )
    return layer, int(bit)


def buttons(net: str, enc: str, running: job_queue.Measurement | None) -> None:
    """What can be done about rows that are not there."""
    away = render.missing_images(
        [cached.card(net)["data"]], "stored cells are shown and nothing can be measured"
    )
    busy = away or (running is not None and running.active)
    there = cached.heatmap(net, enc, running)
    kinds, again = there.cells, there.specs
    # What is stored is measured again as it was: on its images, with its flips.
    spec = again.get("measured") or LayerSpec(net, encoding=enc, maps=MAPS)
    pvf = again.get("pvf") or LayerSpec(net, encoding=enc, maps=SINGLES, n=64, metric="pvf")
    quick = again.get("instant") or LayerSpec(net, encoding=enc)

    def label_of(what: str, work: LayerSpec, kind: str) -> str:
        return f"{what}{' again' * (kind in kinds)}: {cached.price([work], 'row')}"

    with page_frame.group("live"), st.container(horizontal=True, vertical_alignment="bottom"):
        for key, label, work, icon, about in (
            ("estimate", label_of("Estimate", quick, "instant"), quick, "bolt",
             f"From gradients, on {quick.n} images"),
            ("measure_layers", label_of("Measure", spec, "measured"), spec, "play_arrow",
             f"Flips bits cell by cell, {spec.maps} fault maps on {spec.n} images; cells appear as they are "
             "measured. The time is told for this machine, as busy as it is now"),
            ("measure_pvf", label_of("Measure PVF", pvf, "pvf"), pvf, "fact_check",
             f"The share of answers that one flipped bit changes: {pvf.maps} single flips in every cell on "
             f"{pvf.n} images"),
        ):  # fmt: skip
            st.button(
                label, key=key, on_click=job_status.start, args=([work],), disabled=busy, help=about,
                icon=f":material/{icon}:",
                type="primary" if key == "measure_layers" and "measured" not in kinds else "secondary",
            )  # fmt: skip


def results(net: str, enc: str, running: job_queue.Measurement | None) -> None:
    """The heatmap and the chosen cell; again and again while something is measured."""
    job_status.progress(running, "rows")
    heatmap, model = cached.heatmap(net, enc, running), cached.words_of(net, enc)
    kinds = list(heatmap.cells)
    if not kinds:
        nothing(net, enc, running)
    left, right = st.columns([7, 5], gap="large") if kinds else (None, st.container())
    with right:
        layer, bit = cell(list(model.weights), enc)
        drilled(net, enc, heatmap, layer, bit)
    render.flush_page()
    if left is not None:
        with left:
            picture(net, enc, heatmap, (layer, bit), running)
    films(net, enc, layer)
    mixed_encoding.protected(net, enc)
    mixed_encoding.copied(net, enc)
    if kinds:
        below(heatmap, net, enc)
    job_status.ended(running)


def nothing(net: str, enc: str, running: job_queue.Measurement | None) -> None:
    """What to do where there is no row yet."""
    if running is not None and running.active:
        render.error_box("The first cells appear in a few seconds.")
        return
    render.error_box(
        f"Nothing is stored for {render.plain(net)} in {stored_as(enc)} yet. The buttons above say what "
        "that takes; or in a terminal:",
        LayerSpec(net, encoding=enc).command,
    )


def picture(
    net: str,
    enc: str,
    heatmap: layer_view.Heatmap,
    chosen: tuple[str, int],
    running: job_queue.Measurement | None,
) -> None:
    """The heatmap with its switch and its origin."""
    kinds = list(heatmap.cells)
    kind = kinds[0]
    with page_frame.group("kind"):
        if len(kinds) > 1:
            kind = st.segmented_control(
                "Change of the loss per flipped bit, or answers changed (PVF)", kinds, key="kind",
                default=kind, required=True,
                bind="query-params", format_func=layer_view.KINDS.__getitem__,
            ) or kinds[0]  # fmt: skip
    cells = heatmap.cells[kind]
    # Of what ``found`` holds: by now the job may have more rows than these.
    seen = (running.id, heatmap.own, len(heatmap.rows)) if running is not None else ()
    finding = heatmap.findings[kind]
    drawn = cached.cached_figure(
        charts.CHARTS["layers"].draw,
        (net, enc, kind, seen),
        cells,
        heatmap.totals[kind],
        layer_view.fields(enc),
    )
    drawn = layers.outlined(drawn, chosen)
    render.figure("layers", drawn, key="layer_heat", alt=finding, title=False, on_select=pick)
    st.markdown(finding)
    st.caption(layer_view.provenance(cells, "Made here" if kind in heatmap.own else "Stored rows"))
    if kind not in heatmap.own and cached.outdated(cells):
        st.warning("Made with other weights than those that are here now. Measure it again.")


def drilled(net: str, enc: str, heatmap: layer_view.Heatmap, layer: str, bit: int) -> None:
    """One bit plane of one layer, down to its most harmful words."""
    cell = cached.cell(net, enc, layer, bit)
    q = cached.words_of(net, enc).weights[layer]
    sentence, of = (
        bit_plane.sentence(cell, heatmap, layer, bit),
        (cached.card(net)["sha256"], enc, layer, bit),
    )
    with st.container(key="cell_says"):
        st.markdown(sentence)
    drawn = cached.cached_figure(charts.CHARTS["plane"].draw, of, cell.edges, cell.before, cell.after)
    render.figure("plane", drawn, key="plane_chart", alt=sentence, caption=False)
    estimate = bit_plane.estimated(heatmap, layer, bit)
    word = 0
    if estimate is not None:
        strip = charts.CHARTS["channels"].draw(estimate.channels)
        render.figure(
            "channels", strip, key="channel_chart", alt=bit_plane.strip_says(estimate), caption=False
        )
        word = harmful(
            estimate, bit_plane.worst(q, bit, estimate.worst, estimate.costs), f"worst_{layer}_{bit}"
        )
    page_frame.link(
        "bitlab", f"Open weight {word:,} in the Bit lab, bit {bit} flipped", ":material/toggle_on:",
        net=net, enc=enc, layer=layer.removesuffix(".weight"), w=word, flip=bit,
    )  # fmt: skip


ESTIMATED = (
    "Ranked by the second-order estimate of the loss on the heatmap's images, no flip was run: of a "
    "single word it may be off by several times, so their order may be another. The Bit lab runs the one "
    "that you open."
)


def harmful(estimate: bit_plane.Estimate, labels: list[str], key: str) -> int:
    """The most harmful words of a cell, and the one that is chosen: a list, as a grid is 2 MB of scripts."""
    label = f"**Its {len(labels)} most harmful words, as estimated** · choose one, then open it"
    chosen = st.radio(label, range(len(labels)), format_func=labels.__getitem__, key=key)
    st.caption(ESTIMATED)
    return estimate.worst[chosen or 0]


def below(heatmap: layer_view.Heatmap, net: str, enc: str) -> None:
    """How far the estimate can be trusted; the numbers; how to read it all."""
    figures = trusted(heatmap, net, enc)
    with page_frame.group("more"):
        page_frame.link("moving", "Watch pictures move among the features as bits flip", net=net, enc=enc)
        render.numbers(
            partial(behind, net, enc, heatmap, figures),
            heatmap.rows.drop(columns=["channels", "worst", "costs"]),
            heatmap.commands,
            called=f"{net} {enc}",
        )
        render.help_page(
            "layers_help", ["layers", "plane", "channels", "film", "protected", "copies", "agreement"]
        )


def behind(net: str, enc: str, heatmap: layer_view.Heatmap, figures: dict[str, Draw]) -> render.Behind:
    """The table and the picture of the heatmap that is shown, the chosen bit plane, and the others."""
    kind = shown_kind(heatmap)
    layer, bit = st.session_state.layer, int(st.session_state.bit)
    plane = cached.cell(net, enc, layer, bit)
    drawn = {
        "layers": charts.CHARTS["layers"].draw(
            heatmap.cells[kind], heatmap.totals[kind], layer_view.fields(enc)
        ),
        "plane": charts.CHARTS["plane"].draw(plane.edges, plane.before, plane.after),
    }
    return {"layers": layer_view.readable(heatmap.cells[kind])}, {
        **drawn,
        **{name: draw() for name, draw in figures.items()},
    }


def shown_kind(heatmap: layer_view.Heatmap) -> str:
    """The kind of heatmap that is chosen, or the first."""
    kind = st.session_state.get("kind")
    return kind if kind in heatmap.cells else next(iter(heatmap.cells))


def trusted(heatmap: layer_view.Heatmap, net: str, enc: str) -> dict[str, Draw]:
    """How far the estimate ranks as the measurement does: a sentence, and its picture when asked for."""
    if heatmap.pairs is None or heatmap.agreement is None:
        return {}
    agreement, chart = layer_view.agreement(heatmap.agreement), charts.CHARTS["agreement"]
    draw = partial(cached.cached_figure, chart.draw, (net, enc, *astuple(heatmap.agreement)), heatmap.pairs)
    st.header(chart.title, anchor=False)
    st.markdown(agreement)
    render.opened("cells", "The cells, one by one", "agreement", draw, agreement)
    return {"agreement": draw}


def films(net: str, enc: str, layer: str) -> None:
    """How the bits of the chosen layer flip while the rate grows."""
    with page_frame.group("film"), st.container(horizontal=True, vertical_alignment="bottom"):
        on = st.toggle("Watch its bits flip as the error rate grows", key="film", bind="query-params")
        if on:
            query.fault_name_in_address("kindof")
            fault = st.selectbox(
                "Fault model", flip_animation.MODELS, key="kindof", bind="query-params", width=260,
                format_func=lambda name: sentences.FAULT_NAMES.get(name, name),
            )  # fmt: skip
            draw = st.number_input(
                "Seed of the flips", 0, 999, 0, key="draw", bind="query-params", width=160, format="%d"
            )
    if not on:
        return
    animation = cached.film(net, enc, layer, fault or flip_animation.MODELS[0], int(draw or 0))
    sentence = flip_animation.sentence(animation)
    drawn = charts.CHARTS["film"].draw(animation)
    render.figure("film", drawn, key="film_chart", alt=sentence)
    st.markdown(sentence)
    st.caption(
        f"Drawn here: fault model {animation.fault}, seed {animation.seed}, "
        f"weights {cached.card(net)['sha256'][:8]}."
    )
    with page_frame.group("more", "film"):
        render.numbers(
            lambda: ({"film": tables.film(animation.counts, flip_animation.BERS)}, {"film": drawn}),
            None,
            [flip_animation.command(animation, net, enc)],
            key="numbers_film",
            called=f"{net} {enc} {layer}",
        )


def shown(net: str, enc: str, running: job_queue.Measurement | None) -> None:
    """The results, or a sentence: a fragment runs again without the page around it."""
    with render.errors_as_sentences():
        results(net, enc, running)


def page(names: list[str]) -> None:
    """The whole page."""
    first, second = st.columns(2)
    picked = filelab.network_and_encoding(names, first, second, filelab.layers)
    if picked is None:
        return
    net, enc = picked
    again = "Measure it again with the button above."
    running = job_status.measurement(kind=LayerSpec, lost=again)
    priced = st.container(key="priced")  # its room is held in style.css: nothing moves when it fills
    render.encodings_in_words([enc])
    every = 1.0 if running is not None and running.active else None
    st.fragment(shown, run_every=every)(net, enc, running)
    render.flush_page()
    with priced:  # last: the figures need not wait until the network is timed
        buttons(net, enc, running)


render.page("Which layers and which bits matter?", render.text("layers"), upload.button)
with render.errors_as_sentences():
    known = cached.names()
    if known:
        page(known)
    else:
        render.error_box(*render.UNTRAINED)
