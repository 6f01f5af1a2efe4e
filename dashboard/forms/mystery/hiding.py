"""A teacher's box: a cause is chosen, and a code hides it for a class."""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame
from dashboard.format import numbers
from dashboard.forms.mystery import naming
from dashboard.forms.mystery.desk import Desk
from resq.measure.run.mystery import cases


def hide(desk: Desk) -> None:
    """The box, made when it is opened."""
    with page_frame.group("hide"):
        box = st.expander("Hide a cause for a class", icon=":material/visibility_off:", key="mystery_hide",
                          on_change="rerun")  # fmt: skip
        with box:
            if box.open:
                st.caption("Not on the projector: this box shows what you hide.")
                cause = naming.cause("hide", desk.layers, either=True)
                if cause is not None:
                    hidden(cause)


def hidden(cause: cases.Cause) -> None:
    """The codes that hide this cause, and what the class will see."""
    every = cases.every(cached.mystery_words())
    letters = "FH" if isinstance(cause, cases.Fault) else "H"
    codes = [cases.hidden(cause, every, letter).code for letter in letters]
    before, now = cached.mystery_case(codes[0]).accuracy
    st.markdown(
        f"With it {numbers.percent(now)} of the pictures are right, as stored {numbers.percent(before)}."
        + (" Hardly anybody will see that: take a higher bit or more words." if before - now < 0.05 else "")
    )
    for letter, code in zip(letters, codes, strict=True):
        asks = "asks for the fault" if letter == "F" else "asks whether it was hacked or is broken, and how"
        page_frame.link("mystery", f"Case {code} {asks}", case=code)
