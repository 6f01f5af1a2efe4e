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
from dashboard.forms import bitlab, filelab
from dashboard.model import bit_plane, flip_animation, layer_view
from dashboard.server import job_queue
from resq.measure.analysis.layer_heatmap import LayerSpec

Draw = Callable[[], go.Figure]
MAPS = 4  # of a measurement begun here: minutes, not an hour
SINGLES = 8  # single flips of each cell for the program vulnerability factor


def pick() -> None:
    """Takes over a click on the picture; the outline and the lists then follow."""
    found = layer_view.clicked_cell(st.session_state.layer_heat.selection.points)
    if found:
        st.session_state.layer = found[0]
        if found[1] is not None:
            st.session_state.bit = found[1]


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
    spec, pvf = (
        LayerSpec(net, encoding=enc, maps=MAPS),
        LayerSpec(net, encoding=enc, maps=SINGLES, n=64, metric="pvf"),
    )
    kinds = cached.heatmap(net, enc, running).cells

    def said(what: str, work: LayerSpec, kind: str) -> str:
        return f"{what}{' again' * (kind in kinds)}: {cached.price([work], 'rows')}"

    quick = LayerSpec(net, encoding=enc)
    with page_frame.group("live"), st.container(horizontal=True, vertical_alignment="bottom"):
        for key, label, work, icon, about in (
            ("estimate", said("Estimate", quick, "instant"), quick, "bolt", "From gradients"),
            ("measure_layers", said("Measure", spec, "measured"), spec, "play_arrow",
             "Flips bits cell by cell; cells appear as they are measured"),
            ("measure_pvf", said("Measure PVF", pvf, "pvf"), pvf, "fact_check",
             f"The share of answers that one flipped bit changes: {SINGLES} single flips in every cell"),
        ):  # fmt: skip
            st.button(
                label, key=key, on_click=job_status.start, args=([work],), disabled=busy, help=about,
                icon=f":material/{icon}:",
                type="primary" if key == "measure_layers" and "measured" not in kinds else "secondary",
            )  # fmt: skip


def results(net: str, enc: str, running: job_queue.Measurement | None) -> None:
    """The heatmap and the chosen cell; again and again while something is measured."""
    job_status.progress(running, "rows")
    found, model = cached.heatmap(net, enc, running), cached.words_of(net, enc)
    kinds = list(found.cells)
    if not kinds:
        nothing(net, enc, running)
    left, right = st.columns([7, 5], gap="large") if kinds else (None, st.container())
    with right:
        layer, bit = cell(list(model.weights), enc)
        drilled(net, enc, found, layer, bit)
    render.flush_page()
    if left is not None:
        with left:
            picture(net, enc, found, (layer, bit), running)
    films(net, enc, layer)
    mixed_encoding.protected(net, enc)
    mixed_encoding.copied(net, enc)
    if kinds:
        below(found, net, enc)
    job_status.ended(running)


def nothing(net: str, enc: str, running: job_queue.Measurement | None) -> None:
    """What to do where there is no row yet."""
    if running is not None and running.active:
        render.error_box("The first cells appear in a few seconds.")
        return
    render.error_box(
        f"Nothing is stored for {render.plain(net)} in {enc} yet. The buttons above say what "
        "that takes; or in a terminal:",
        LayerSpec(net, encoding=enc).command,
    )


def picture(
    net: str,
    enc: str,
    found: layer_view.Heatmap,
    chosen: tuple[str, int],
    running: job_queue.Measurement | None,
) -> None:
    """The heatmap with its switch and its origin."""
    kinds = list(found.cells)
    kind = kinds[0]
    with page_frame.group("kind"):
        if len(kinds) > 1:
            kind = st.segmented_control(
                "Change of the loss per flipped bit, or answers changed (PVF)", kinds, key="kind",
                default=kind, required=True,
                bind="query-params", format_func=layer_view.KINDS.__getitem__,
            ) or kinds[0]  # fmt: skip
    cells = found.cells[kind]
    # Of what ``found`` holds: by now the job may have more rows than these.
    seen = (running.id, found.own, len(found.rows)) if running is not None else ()
    said = found.said[kind]
    drawn = cached.cached_figure(
        charts.CHARTS["layers"].draw,
        (net, enc, kind, seen),
        cells,
        found.totals[kind],
        layer_view.fields(enc),
    )
    drawn = layers.outlined(drawn, chosen)
    render.figure("layers", drawn, key="layer_heat", alt=said, title=False, on_select=pick)
    st.markdown(said)
    st.caption(layer_view.provenance(cells, "Made here" if kind in found.own else "Stored rows"))
    if kind not in found.own and cached.outdated(cells):
        st.warning("Made with other weights than those that are here now. Measure it again.")


def drilled(net: str, enc: str, found: layer_view.Heatmap, layer: str, bit: int) -> None:
    """One bit plane of one layer, down to its most harmful words."""
    cell = cached.cell(net, enc, layer, bit)
    q = cached.words_of(net, enc).weights[layer]
    said, of = bit_plane.sentence(cell, found, layer, bit), (cached.card(net)["sha256"], enc, layer, bit)
    with st.container(key="cell_says"):
        st.markdown(said)
    drawn = cached.cached_figure(charts.CHARTS["plane"].draw, of, cell.edges, cell.before, cell.after)
    render.figure("plane", drawn, key="plane_chart", alt=said, caption=False)
    estimate = bit_plane.estimated(found, layer, bit)
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


def harmful(estimate: bit_plane.Estimate, said: list[str], key: str) -> int:
    """The most harmful words of a cell, and the one that is chosen: a list, as a grid is 2 MB of scripts."""
    label = f"**Its {len(said)} most harmful words** · choose one, then open it"
    chosen = st.radio(label, range(len(said)), format_func=said.__getitem__, key=key)
    return estimate.worst[chosen or 0]


def below(found: layer_view.Heatmap, net: str, enc: str) -> None:
    """How far the estimate can be trusted; the numbers; how to read it all."""
    figures = trusted(found, net, enc)
    with page_frame.group("more"):
        render.numbers(
            partial(behind, net, enc, found, figures),
            found.rows.drop(columns=["channels", "worst", "costs"]),
            layer_view.commands(found.rows),
            called=f"{net} {enc}",
        )
        render.help_page(
            "layers_help", ["layers", "plane", "channels", "film", "protected", "copies", "agreement"]
        )


def behind(net: str, enc: str, found: layer_view.Heatmap, figures: dict[str, Draw]) -> render.Behind:
    """The table and the picture of the heatmap that is shown, the chosen bit plane, and the others."""
    kind = shown_kind(found)
    layer, bit = st.session_state.layer, int(st.session_state.bit)
    plane = cached.cell(net, enc, layer, bit)
    drawn = {
        "layers": charts.CHARTS["layers"].draw(found.cells[kind], found.totals[kind], layer_view.fields(enc)),
        "plane": charts.CHARTS["plane"].draw(plane.edges, plane.before, plane.after),
    }
    return {"layers": layer_view.readable(found.cells[kind])}, {
        **drawn,
        **{name: draw() for name, draw in figures.items()},
    }


def shown_kind(found: layer_view.Heatmap) -> str:
    """The kind of heatmap that is chosen, or the first."""
    kind = st.session_state.get("kind")
    return kind if kind in found.cells else next(iter(found.cells))


def trusted(found: layer_view.Heatmap, net: str, enc: str) -> dict[str, Draw]:
    """How far the estimate ranks as the measurement does: a sentence, and its picture when asked for."""
    if found.pairs is None or found.agreement is None:
        return {}
    said, chart = layer_view.agreement(found.agreement), charts.CHARTS["agreement"]
    draw = partial(cached.cached_figure, chart.draw, (net, enc, *astuple(found.agreement)), found.pairs)
    st.header(chart.title, anchor=False)
    st.markdown(said)
    render.opened("cells", "The cells, one by one", "agreement", draw, said)
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
    found = cached.film(net, enc, layer, fault or flip_animation.MODELS[0], int(draw or 0))
    said = flip_animation.sentence(found)
    drawn = charts.CHARTS["film"].draw(found)
    render.figure("film", drawn, key="film_chart", alt=said)
    st.markdown(said)
    st.caption(
        f"Drawn here: fault model {found.fault}, seed {found.seed}, weights {cached.card(net)['sha256'][:8]}."
    )
    with page_frame.group("more", "film"):
        render.numbers(
            lambda: ({"film": tables.film(found.counts, flip_animation.BERS)}, {"film": drawn}),
            None,
            [flip_animation.command(found, net, enc)],
            key="numbers_film",
            called=f"{net} {enc} {layer}",
        )


def shown(net: str, enc: str, running: job_queue.Measurement | None) -> None:
    """The results, or a sentence: a fragment runs again without the page around it."""
    with render.errors_as_sentences():
        results(net, enc, running)


def page(names: list[str]) -> None:
    """The whole page."""
    files = filelab.names()
    render.unknown_names("net", [*names, *files])
    first, second, third = st.columns([3, 3, 5], vertical_alignment="bottom")
    with first, page_frame.group("network"):
        net = bitlab.network([*names, *files])
    if net in files:
        filelab.layers(net)
        return
    with second, page_frame.group("encoding"):
        enc = bitlab.encoding(net)
    again = "Measure it again with the button above."
    running = job_status.measurement(kind=LayerSpec, lost=again)
    with third:
        priced = st.container()
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
