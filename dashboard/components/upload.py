"""A visitor's own checkpoint: a file is checked, kept in the work folder, and chosen on the page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import cached
from dashboard.components import job_status, page_frame, render
from dashboard.format import numbers, sentences
from dashboard.model import uploads
from dashboard.server import job_queue
from resq.core.errors import ResqError
from resq.data.normal import USUAL
from resq.importers.onnx import onnx_run
from resq.measure.analysis import stats
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

N = 1000  # test images that its accuracy is measured on
ALONE = (
    "Of a file that quantizes activations too: its weights with activations in floats, although it is itself "
    "right on more or fewer images. As it is, it is measured on the page Your network."
)


def box() -> None:
    """Where a file of weights is brought; it can then be chosen on every page of this server."""
    label = "Bring a checkpoint of your own"
    with (
        page_frame.group("own"),
        st.expander(label, icon=":material/upload_file:", key="bring", on_change="rerun") as it,
    ):
        if it.open:
            form()


def form() -> None:
    """The file, what it is of, and what became of the last one."""
    st.markdown(
        "Weights of a known network: a .safetensors file, a state dict that torch.save wrote, floats or "
        "quantized by torch.ao, torchao or quanto, or an .onnx file in one piece. Names and shapes are "
        "checked, and no code in a file is executed. The graph of an .onnx file is run, to see that it "
        "answers as what was read from it: by onnxruntime (else onnx's own reference), in a process of its "
        f"own with at most {onnx_run.MEMORY >> 30} GB of memory and {onnx_run.SECONDS // 60} minutes of "
        "processor time. "
        "The file is kept in this server's work folder, so whoever uses this server can choose it."
    )
    left, right = st.columns(2)
    network = left.selectbox("The network it is of", cached.networks(), key="bring_network")
    trained = right.selectbox("Trained on", cached.datasets(), key="bring_data")
    file = st.file_uploader(
        f"File (.{', .'.join(uploads.ENDINGS)})", type=[*uploads.ENDINGS, "tar"], key="bring_file",
        max_upload_size=uploads.MOST_WEIGHTS >> 20,
    )  # fmt: skip
    reading = told()
    st.button(
        "Bring it in", key="bring_it", disabled=file is None, on_click=take,
        args=(file, network, trained, reading),
        icon=":material/check:",
    )  # fmt: skip
    if said := st.session_state.get("brought"):
        st.markdown(said)
    running = job_status.measurement("clean", SweepSpec)
    st.fragment(accuracy, run_every=0.5 if running is not None and running.active else None)(running)


def told() -> dict[str, Any]:
    """What the file may not say itself; empty fields leave it to the file and the data set."""
    fields = {
        "mean": ("Mean", "such as imagenet", "What the network subtracts from pixels in 0..1: "
                 f"{', '.join(USUAL)} (a name stands for the deviation too), one number or three. Empty: a "
                 "Normalize layer in the file, else the data set's."),
        "std": ("Deviation", "as the mean's", "What it then divides by: one number, three, or a name."),
        "state": ("State dict", "such as ema", "Its key or prefix, where the file holds several."),
        "eps": ("Batch norm eps", "1e-5", "Where the file does not say it and it is not the usual one."),
    }  # fmt: skip
    places = st.columns(len(fields))
    found = {
        key: place.text_input(label, placeholder=inside, help=about, key=f"bring_{key}")
        for place, (key, (label, inside, about)) in zip(places, fields.items(), strict=True)
    }
    alone = st.checkbox("Weights alone", key="bring_alone", help=ALONE)
    return {**found, "alone": alone}


def take(file: Any, network: str, trained: str, reading: dict[str, Any]) -> None:
    """Checks and keeps the file; the page then shows it."""
    notes: list[str] = []
    try:
        asked = uploads.Reading.of(**reading)
        name = uploads.checkpoint(file.getvalue(), file.name, network, trained, asked, notes)
    except (ResqError, OSError) as error:
        st.session_state.brought = f":material/error: This file is not used: {render.plain(str(error))}."
        return
    cached.names.clear()
    st.session_state.net = name
    said = f":material/check_circle: **{render.plain(name)}** is kept and chosen above: "
    said += f"{render.plain('; '.join(notes))}."
    if cached.present(trained):
        job_status.start([SweepSpec(name, encoding="fp32", bers=(0.0,), maps=1, n=N)], "clean")
    else:
        said += f" Its accuracy is not measured: the images of {trained} are not on this machine."
    st.session_state.brought = said


def accuracy(running: job_queue.Measurement | None) -> None:
    """The accuracy of what was brought, without faults: measured as soon as it is here."""
    job_status.progress(running, "accuracies", "clean")
    if running is not None and running.state == "done":
        line = stats.curve(table.frame(running.rows)).iloc[0]
        st.markdown(
            f"**{numbers.percent(line['mean'])}** of the first {line['n']} test images of {line['data']} are "
            f"right without faults, in fp32; {sentences.interval({**line, 'ber': 0.0})}; "
            f"weights {line['weights'][:8]}."
        )
    job_status.ended(running, "clean")
