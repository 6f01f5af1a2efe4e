"""A visitor's own checkpoint: a file is checked, kept in the work folder, and chosen on the page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import data, follow, live, shell, show, theme, uploads, words
from resq.errors import ResqError
from resq.measure import stats, table
from resq.measure.spec import SweepSpec

N = 1000  # test images that its accuracy is measured on


def box() -> None:
    """Where a file of weights is brought; it can then be chosen on every page of this server."""
    label = "Bring a checkpoint of your own"
    with (
        shell.group("own"),
        st.expander(label, icon=":material/upload_file:", key="bring", on_change="rerun") as it,
    ):
        if it.open:
            form()


def form() -> None:
    """The file, what it is of, and what became of the last one."""
    st.markdown(
        "Weights of a known network: a .safetensors file, or a state dict that torch.save wrote. Names and "
        "shapes are checked, nothing in the file is executed. It is kept in this server's work folder, so "
        "whoever uses this server can choose it."
    )
    left, right = st.columns(2)
    network = left.selectbox("The network it is of", data.networks(), key="bring_network")
    trained = right.selectbox("Trained on", data.datasets(), key="bring_data")
    file = st.file_uploader(
        f"File (.{', .'.join(uploads.ENDINGS)})", type=list(uploads.ENDINGS), key="bring_file",
        max_upload_size=uploads.MOST_WEIGHTS >> 20,
    )  # fmt: skip
    st.button(
        "Bring it in", key="bring_it", disabled=file is None, on_click=take, args=(file, network, trained),
        icon=":material/check:",
    )  # fmt: skip
    if said := st.session_state.get("brought"):
        st.markdown(said)
    running = follow.measurement("clean", SweepSpec)
    st.fragment(accuracy, run_every=0.5 if running is not None and running.active else None)(running)


def take(file: Any, network: str, trained: str) -> None:
    """Checks and keeps the file; the page then shows it."""
    try:
        name = uploads.checkpoint(file.getvalue(), file.name, network, trained)
    except (ResqError, OSError) as error:
        st.session_state.brought = f":material/error: This file is not used: {show.plain(str(error))}."
        return
    data.names.clear()
    st.session_state.net = name
    said = f":material/check_circle: **{show.plain(name)}** is kept and chosen above."
    if data.present(trained):
        follow.start([SweepSpec(name, encoding="fp32", bers=(0.0,), maps=1, n=N)], "clean")
    else:
        said += f" Its accuracy is not measured: the images of {trained} are not on this machine."
    st.session_state.brought = said


def accuracy(running: live.Measurement | None) -> None:
    """The accuracy of what was brought, without faults: measured as soon as it is here."""
    follow.progress(running, "accuracies", "clean")
    if running is not None and running.state == "done":
        line = stats.curve(table.frame(running.rows)).iloc[0]
        st.markdown(
            f"**{theme.percent(line['mean'])}** of the first {line['n']} test images of {line['data']} are "
            f"right without faults, in fp32; {words.interval({**line, 'ber': 0.0})}; "
            f"weights {line['weights'][:8]}."
        )
    follow.ended(running, "clean")
