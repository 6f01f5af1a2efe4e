"""How far a measurement is, on whichever page it was begun."""

from __future__ import annotations

import streamlit as st

from dashboard import data, live, show, theme


def progress(running: live.Measurement | None, refused: str = "", noun: str = "cells") -> None:
    """Its place in line, its share done, or its end; a refusal in a sentence."""
    if refused:
        show.sorry(refused)
    if running is None:
        return
    if running.state == "waiting":
        place = max(1, data.measurements().place(running))  # it may have begun just now
        _with_cancel(
            running, f":material/hourglass_empty: Number {place} in line: it begins by itself.", None
        )
    elif running.state == "running":
        rows, left = len(running.rows), running.left
        wait = "starting…" if left is None else f"about {theme.duration(left)} left"
        _with_cancel(running, f"{rows} of {running.total} {noun}, {wait}", running.done)
    elif running.state == "failed":
        show.sorry(f"The measurement stopped: {show.plain(running.error)}")
    elif running.state == "cancelled":
        text = f"Cancelled after {len(running.rows)} of {running.total} {noun}; what was measured stays."
        st.caption(text)
    else:
        st.caption(f"Made here in {running.seconds:.0f} s: {running.total} {noun}.")


def _with_cancel(running: live.Measurement, text: str, done: float | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if done is None:
            st.markdown(text, width="stretch")
        else:
            st.progress(done, text, width="stretch")
        st.button("Cancel", on_click=running.cancel, key="cancel", icon=":material/stop:")
