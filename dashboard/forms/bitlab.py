"""The Bit lab's widgets, and the address bar that holds what they say.

Every widget is bound to a query parameter, so a link shows what its sender saw. What an address says is
checked by the widget: a value that is none of its options is dropped. Only the flipped bits, which buttons
change, are written by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard import cached
from dashboard.components import chosen, page_frame, query, render
from dashboard.model import bit_view, decisive
from dashboard.model.own import uploads
from resq.core import Encoding, Layout, logs
from resq.core.errors import ResqError

MODES = {"transfer": "as stored", "adaptive": "with the flips"}


def network(names: list[str]) -> str:
    """The chosen checkpoint."""
    chosen.carry(names)
    net = st.selectbox("Network", names, key="net", bind="query-params")
    chosen.keep(net)
    return net


def encoding(net: str) -> str:
    """The chosen encoding; at first, and when another network is chosen, the one that its card names."""
    named = [*st.query_params.get_all("enc"), st.session_state.get("enc") or ""]
    known, own = bit_view.encodings([cached.card(net)], named), cached.opened_in(net)
    if st.session_state.get("enc_of", net) != net:
        st.session_state.enc = own
    st.session_state.enc_of = net
    return st.selectbox("Stored as", known, known.index(own), key="enc", bind="query-params")


def opening(net: str, enc: str) -> decisive.Flip | None:
    """The flip that the page opens with, if one was found for this network as stored.

    Whoever has moved nothing since goes along from one encoding's to the next.
    """
    now, before = decisive.of(net, enc, str(cached.card(net)["sha256"])), st.session_state.get("opened_with")
    if now is not None:
        still = before is not None and _place() == (before.layer, before.w, before.img)
        if still and before != now and not st.session_state.get("flips"):
            go_to(now)
        st.session_state.opened_with = now
    return now


def _place() -> tuple[str, int, int]:
    """The chosen layer, weight and picture."""
    now = st.session_state
    return now.get("layer", ""), int(now.get("w") or 0), int(now.get("img") or 0)


def go_to(flip: decisive.Flip, flipped: bool = False) -> None:
    """Chooses the weight and the picture of a flip that was found beforehand."""
    now = st.session_state
    now.layer, now.w, now.img, now.share, now.rate = flip.layer, flip.w, flip.img, 0.0, 0.0
    now.flips = (flip.bit,) if flipped else ()


def weight(layout: Layout, first: decisive.Flip | None = None) -> tuple[str, int]:
    """The chosen layer and weight number; a number beyond a smaller layer's end becomes its last."""
    layers = list(layout.layers)
    opened = layers.index(first.layer) if first else 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox(
            "Layer", layers, opened, key="layer", bind="query-params",
            format_func=lambda n: n.removesuffix(".weight"),
        )  # fmt: skip
        last = layout.words[layers.index(layer)] - 1
        if isinstance(st.session_state.get("w"), int) and st.session_state.w > last:
            st.session_state.w = last
        usual = first.w if first and layer == first.layer else 0
        number = st.number_input(
            f"Weight (0 to {last:,})", 0, last, usual, key="w", bind="query-params", format="%d"
        )
    return layer, int(number)


def image(pictures: cached.Pictures, first: decisive.Flip | None = None) -> int:
    """The number of the chosen picture; the options are thumbnails (see ``render.thumbnails``)."""
    picked = st.pills(
        "Picture",
        pictures.numbers,
        key="img",
        default=first.img if first else 0,
        required=True,
        bind="query-params",
        format_func=str,
        label_visibility="collapsed",
        wrap=True,
    )
    return picked or 0  # an empty value in a link chooses none


def rate(rates: Sequence[float]) -> float:
    """The bit error rate at which all bits of the network flip besides: the slider under the answer."""
    if st.session_state.get("rate", 0.0) not in rates:
        del st.session_state["rate"]  # chosen for a smaller network
    picked = st.select_slider(
        "Flip any stored bit of the network: bit error rate", rates, 0.0, key="rate", bind="query-params",
        format_func=lambda rate: f"{rate:g}",
    )  # fmt: skip
    return float(picked)


def plane(enc: Encoding) -> tuple[int, float, int]:
    """The bit plane, the share of the layer's weights it is flipped in, and the draw."""
    bits, top = list(range(enc.word_bits - 1, -1, -1)), bit_view.fields(enc)[0].bits[0]
    if st.session_state.get("plane", top) not in bits:
        del st.session_state["plane"]  # chosen in an encoding with longer words
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bit = st.selectbox(
            "Also flip bit",
            bits,
            bits.index(top),
            key="plane",
            bind="query-params",
            format_func=str,
            width=130,
        )
        share = st.segmented_control(
            "in this share of the layer's weights, %",
            bit_view.SHARES,
            key="share",
            default=0.0,
            required=True,
            bind="query-params",
            format_func=lambda share: f"{100 * share:g}",
        )
        draw = st.number_input(
            "Seed of the flips", 0, 999, 0, key="draw", bind="query-params", width=160, format="%d"
        )
    # An empty value in a link chooses nothing, whatever is required.
    return int(top if bit is None else bit), float(share or 0), int(draw or 0)


def attack() -> dict[str, Any]:
    """How the picture is attacked: the fields of a ``Lab``; eps 0 is no attack."""
    eps = st.segmented_control(
        "by at most, 1/255", bit_view.BUDGETS, key="pixels", default=0.0, required=True,
        bind="query-params", format_func=lambda eps: f"{eps:g}" if eps else "off",
    )  # fmt: skip
    with st.popover("How it is attacked", icon=":material/tune:"):
        name = st.segmented_control(
            "Attack", ["pgd", "fgsm"], key="attack", default="pgd", required=True, bind="query-params",
            format_func=str.upper,
        )  # fmt: skip
        mode = st.segmented_control(
            "Made on the network", list(MODES), key="mode", default="transfer", required=True,
            bind="query-params", format_func=MODES.__getitem__,
        )  # fmt: skip
        start = st.number_input(
            "Seed of the attack", 0, 999, 0, key="start", bind="query-params", width=160, format="%d"
        )
    # An empty value in a link chooses nothing, whatever is required.
    return {"eps": float(eps or 0), "attack": name or "pgd", "mode": mode or "transfer",
            "seed": int(start or 0)}  # fmt: skip


def flipped(word_bits: int) -> tuple[int, ...]:
    """The flipped bits of the chosen weight, kept in the session and in the address.

    The address wins where it differs from what was last written there, if nothing was flipped since: somebody
    followed a link, or went back.
    """
    text, written = st.query_params.get("flip", ""), st.session_state.get("flip_written", "")
    if text != written and st.session_state.get("flips", ()) == parse_bits(written):
        st.session_state.flips = parse_bits(text)
    flips = tuple(b for b in st.session_state.get("flips", ()) if b < word_bits)
    st.session_state.flips = flips
    query.set_parameter("flip", ",".join(map(str, flips)))
    st.session_state.flip_written = ",".join(map(str, flips))
    return flips


def parse_bits(text: str) -> tuple[int, ...]:
    """Bits of an address, most significant first; what is no bit is left out.

    >>> parse_bits("3,7,x,3,99")
    (7, 3)
    """
    bits = {int(part) for part in text.split(",") if part.isdecimal() and int(part) < 32}
    return tuple(sorted(bits, reverse=True))


def toggle(bit: int) -> None:
    """Flips one bit of the chosen weight, or flips it back."""
    bits = set(st.session_state.get("flips", ())) ^ {bit}
    st.session_state.flips = tuple(sorted(bits, reverse=True))


def reset() -> None:
    """No flips at all."""
    st.session_state.flips, st.session_state.share, st.session_state.rate = (), 0.0, 0.0


def choose_largest(net: str, enc: str, layer: str) -> None:
    """The weight farthest from zero."""
    st.session_state.w = cached.largest(net, enc, layer)


def choose_random(n_words: int) -> None:
    """Some weight: a fresh one at every click, which is what the button is for; the address keeps it."""
    st.session_state.w = int(np.random.default_rng().integers(n_words))


def own_picture() -> np.ndarray | None:
    """A visitor's own picture as the networks read it; it stays in this visit and is written nowhere."""
    with page_frame.group("upload"):
        file = st.file_uploader(
            "Your own picture (PNG or JPEG)", type=["png", "jpg", "jpeg"], key="own", max_upload_size=8
        )
    if file is None:
        return None
    try:
        pixels, done = uploads.picture(file.getvalue())
    except ResqError as error:
        logs.refused(error, render.where())
        render.error_box(f"This picture is not used: {render.plain(str(error))}.")
        return None
    if done:
        st.caption(f"The picture was changed: {done}.")
    return pixels


def choose_harmful(net: str, enc: str, layer: str, img: int, own: np.ndarray | None = None) -> None:
    """The bit whose flip costs this picture's answer most: of the chosen layer, or one found beforehand."""
    known = decisive.of(net, enc, str(cached.card(net)["sha256"]))
    if own is None and known is not None and known.img == img:
        go_to(known, flipped=True)
        return
    w, bit = cached.most_harmful(net, enc, layer, img, own)
    now = st.session_state
    now.w, now.flips, now.share, now.rate = w, (bit,), 0.0, 0.0
    now.harmful_found = (net, enc, layer, img, w, bit)


def searched(state: bit_view.BitExperiment) -> bool:
    """Whether the flip on the screen is the most harmful one that a search has found."""
    one = state.flips[0] if len(state.flips) == 1 else -1
    return st.session_state.get("harmful_found") == (
        state.net,
        state.enc,
        state.layer,
        state.img,
        state.w,
        one,
    )


def in_fp32() -> None:
    """The same weight as a float, and of it the exponent's first bit."""
    st.session_state.enc = "fp32"
    st.session_state.flips = (30,)


def choose_rate(rate: float) -> None:
    """All bits of the network at this rate."""
    st.session_state.rate, st.session_state.flips = rate, ()
