"""The chosen weight in six formats, each bit a button; and flips that were seen on real hardware."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import cached
from dashboard.components import page_frame
from dashboard.format import numbers
from dashboard.forms.bitlab_answer import Given
from resq.memory import hammer
from resq.memory import number_formats as formats

ANSWER = (
    "Words lie in memory lower byte first, so of a half-precision word an even byte holds bits 0 to 7, an"
    " odd one bits 8 to 15. **D1 and D3** fall on bit 14, the top of the exponent: from 0 to 1 it "
    "multiplies a weight below 1 by 65,536. In the source that ruins networks; whether this one weight "
    "changes the answer to this picture, the verdict above says: the next layers may hold it back, and"
    " another weight or picture may not. **A1, B1, B2, B3** lie in even"
    " bytes, the lower part of the mantissa: they change nothing that anybody sees. **C1 and D2** fall on"
    " bit 8, a quarter of the weight's power of two. Seen on an A6000: GPUHammer (Lin, Qu and Saileshwar,"
    " USENIX Security 2025), tables 3 and 4."
)
ASKED = (
    "**Rowhammer on a graphics card.** Eight flips that were seen. Some can ruin a network in fp16, "
    "others change nothing: which, and why? A button flips that bit of the chosen weight."
)


def table(given: Given) -> None:
    """The box, made when it is opened."""
    with page_frame.group("more", "formats"):
        box = st.expander("The same weight in six formats; flips that were seen",
                          icon=":material/table_rows:", key="formats", on_change="rerun")  # fmt: skip
        with box:
            if box.open:
                st.fragment(opened)(given)


def opened(given: Given) -> None:
    """Six formats, then the flips; one of those changes the page around this box, which is drawn anew."""
    if st.session_state.pop("hammered", False):
        st.rerun()
    value, largest = weight(given)
    place = (given.state.net, given.state.layer, given.state.w)
    if st.session_state.get("formats_of") != place:
        st.session_state.formats_of, st.session_state.format_flips = place, {}
    st.caption(f"The weight is {numbers.number(value)}; a code's scale is that of its channel, whose largest "
               f"magnitude is {numbers.number(largest)}. Click a bit; it stays in this box. "
               "The codes are symmetric; the lab's int8 and int4 have a zero point.")  # fmt: skip
    for name in formats.FORMATS:
        row(name, value, largest)
    seen(given, value)


def weight(given: Given) -> tuple[float, float]:
    """The weight as trained, and the largest magnitude of its output channel."""
    state = given.state
    trained = np.asarray(cached.load_network(state.net, state.enc).checkpoint.state[state.layer])
    rows = trained.reshape(len(trained), -1)
    return float(rows.reshape(-1)[state.w]), float(np.abs(rows[state.w // rows.shape[1]]).max())


def row(name: str, value: float, largest: float) -> None:
    """One format: its bits, and what the word is read as."""
    form, word = formats.FORMATS[name], formats.store(name, value, largest)
    flips: set[int] = st.session_state.format_flips.setdefault(name, set())
    now = word ^ sum(1 << bit for bit in flips)
    key = name.replace(" ", "_")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"formats_row_{key}"):
        st.markdown(f"**{name}**", width=128)
        with st.container(horizontal=True, gap=None, width="content", key=f"formats_bits_{key}"):
            for bit in range(form.bits - 1, -1, -1):
                tile(key, form.kind(bit), bit, now >> bit & 1, flips)
        before, after = (formats.read(name, w, largest) for w in (word, now))
        st.markdown(reading(before, after), width="content")


def tile(key: str, kind: str, bit: int, value: int, flips: set[int]) -> None:
    """One bit."""
    st.button(f"{value} {bit}", key=f"format_{key}_{kind}_{bit}", on_click=toggle, args=(flips, bit),
              type="primary" if bit in flips else "secondary")  # fmt: skip


def toggle(flips: set[int], bit: int) -> None:
    """Flips a bit, or flips it back."""
    flips.symmetric_difference_update({bit})


def reading(before: float, after: float) -> str:
    """What a word is read as, before and after its flips.

    >>> reading(0.5, 0.5), reading(0.5, 32768.0), reading(0.5, float("nan"))
    ('0.5', '0.5 → **32,768** (65,536 times)', '0.5 → **no number**')
    """
    if before == after:
        return _large(before)
    if np.isnan(after):
        return f"{_large(before)} → **no number**"
    times = after / before if before else np.inf
    much = f" ({_large(times)} times)" if np.isfinite(times) and abs(times) >= 2 else ""
    return f"{_large(before)} → **{_large(after)}**{much}"


def _large(value: float) -> str:
    """A number; thousands in full."""
    return f"{value:,.0f}".replace("-", "−") if 1000 <= abs(value) < 1e6 else numbers.number(value)


def seen(given: Given, value: float) -> None:
    """Flips of a real memory, each on the chosen weight in half precision."""
    st.markdown(ASKED)
    word = formats.store("fp16", value, 0)
    with st.container(horizontal=True, gap="small"):
        for flip in hammer.SEEN:
            plane, rises = flip.plane(16), flip.rises
            held = bool(word >> plane & 1) == rises
            st.button(
                f"{flip.name}: byte {flip.byte}, bit {flip.bit}, {'0 → 1' if rises else '1 → 0'}",
                key=f"hammer_{flip.name}", on_click=choose, args=(plane,), disabled=held,
                help="This weight's word holds that value already: nothing would flip." if held else None,
            )  # fmt: skip
    with st.popover("Which, and why?", icon=":material/lightbulb:"):
        st.markdown(ANSWER)


def choose(plane: int) -> None:
    """The chosen weight in half precision, with this bit flipped: in the page's own word."""
    st.session_state.enc, st.session_state.flips, st.session_state.hammered = "fp16", (plane,), True
