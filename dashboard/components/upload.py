"""A visitor's own checkpoint: a file is checked, kept in the work folder, and chosen on the page."""

from __future__ import annotations

import contextlib
import re
from functools import partial
from typing import Any

import streamlit as st

from dashboard import cached
from dashboard.components import chosen, job_status, page_frame, render
from dashboard.format import numbers, sentences
from dashboard.model.own import ownnames, uploads
from dashboard.report import html_report
from dashboard.server import job_queue
from resq.core import logs
from resq.core.errors import ResqError
from resq.data.normal import USUAL
from resq.importers.onnx import onnx_run
from resq.measure.analysis import stats
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

PLACES = {
    "sweep": "Sweep", "tradeoff": "Trade-off", "layers": "Layers", "harden": "Harden", "bitlab": "Bit lab",
}  # fmt: skip
# What the importer's command takes as options, by the names of the box's fields.
FIELDS = {"mean": "Mean", "std": "Deviation", "state": "State dict", "eps": "Batch norm eps"}
N = 1000  # test images that its accuracy is measured on
TRIED = (
    "The graph of an .onnx file is run, to see that it answers as what was read from it: by onnxruntime "
    f"(else onnx's own reference), in a process of its own with at most {onnx_run.MEMORY >> 30} GB of memory "
    f"and {onnx_run.SECONDS // 60} minutes of processor time."
)
ALONE = (
    "Of a file that quantizes activations too: its weights with activations in floats, although it is itself "
    "right on more or fewer images. As it is, it is measured on the page Your network."
)


def button() -> None:
    """Opens the dialog in which a network is brought: on every page that has a list of them.

    A fragment: the box comes without the page's being drawn once more.
    """
    st.fragment(opener)()


def opener() -> None:
    """The button, and the dialog where it is asked for."""
    now = st.session_state
    here = now.get("page", "")
    if st.button("Bring a network", icon=":material/upload_file:", key="bring", type="tertiary"):
        now.bringing = here
    elif now.get("bringing") != here:
        now.bringing = ""  # a link of the dialog has led to this page
    if now.bringing:
        dialog()


def box_here(key: str, label: str) -> None:
    """A button that opens the dialog over a page that has no list of networks: Start.

    It leads on from there, so that whoever closes it is where they were.
    """
    here = st.session_state.get("page", "")
    if st.button(label, key=key, icon=":material/upload_file:", type="tertiary"):
        st.session_state.bringing = here
    if st.session_state.get("bringing") == here:
        dialog()


def close() -> None:
    """The page without the dialog, and with what was brought chosen on it.

    Only now: the browser tells its lists anew with the whole page, and would undo an earlier choice.
    """
    st.session_state.bringing = ""
    if name := st.session_state.pop("brought_name", ""):
        chosen.choose(name)


@st.dialog("Bring a network of your own", width="large", on_dismiss=close)
def dialog() -> None:
    """The file, what became of it, where to go with it, and those that were brought before."""
    with render.errors_as_sentences():
        form()
        own()


def steps(name: str, key: str) -> None:
    """Where to go with a network, which is chosen there.

    Args:
        key: tells the buttons of one network from those of another in the same dialog.
    """
    st.markdown(f"Go on with {render.plain(name)}:")
    with st.container(horizontal=True):
        here = st.session_state.get("page", "")
        if here != "start" and st.button("Go on here", key=f"{key}_close", icon=":material/check:"):
            st.session_state.brought_name = name
            close()
            st.rerun()  # the whole page, which closes the dialog
        for page, label in PLACES.items():
            if page != here:  # a link to the page itself would change nothing
                to = {"nets": [name]} if page == "sweep" else {"net": name}
                page_frame.button_link(page, label, f"{key}_go_{page}", **to)
        rows = cached.stored_here(name)
        if len(rows):
            make = partial(html_report.page, name, rows)
            st.download_button("Report", make, f"resq-{name.replace('/', '-')}.html", "text/html",
                               on_click="ignore", key=f"{key}_report")  # fmt: skip


def own() -> None:
    """The networks that were brought here: each can be named anew, and deleted."""
    names = [name for name in cached.names() if name.rpartition("/")[2].startswith("own-")]
    if not names:
        return
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Brought before", names, key="own_name")
        called = st.text_input("New name", key="own_called", placeholder="letters, digits, hyphens")
        st.button("Rename", key="own_rename", on_click=rename, args=(name, called), disabled=not called)
        st.button("Delete", key="own_delete", on_click=delete, args=(name,), icon=":material/delete:")
    if st.session_state.get("brought_name") != name:
        steps(name, "earlier")


def rename(name: str, called: str) -> None:
    """Gives a brought network another name; its rows go along."""
    try:
        new = ownnames.rename(name, called)
    except (ResqError, OSError) as error:
        logs.refused(error, render.where())
        st.session_state.brought = f":material/error: Not renamed: {render.plain(str(error))}."
        return
    cached.names.clear()
    chosen.choose(new)
    if st.session_state.get("brought_name") == name:
        st.session_state.brought_name = new
    st.session_state.pop("own_name", None)
    st.session_state.brought = f":material/check_circle: **{render.plain(name)}** is now {render.plain(new)}."


def delete(name: str) -> None:
    """Removes a brought network from this server; rows measured of it stay in the store."""
    ownnames.delete(name)
    cached.names.clear()
    for key in ("own_name", "net", "nets", chosen.KEPT, "brought_name"):
        st.session_state.pop(key, None)
    st.session_state.brought = f":material/delete: **{render.plain(name)}** is deleted; its rows stay stored."


def form() -> None:
    """The file, what it is of, and what became of the last one."""
    st.markdown(
        "Weights of a known network: a .safetensors file, a state dict that torch.save wrote, floats or "
        "quantized by torch.ao, torchao or quanto, or an .onnx file in one piece. Names and shapes are "
        "checked, and no code in a file is executed. It is kept in this server's work folder, so whoever "
        "uses this server can choose it."
    )
    left, middle, right = st.columns(3)
    network = left.selectbox("The network it is of", cached.networks(), key="bring_network")
    trained = middle.selectbox("Trained on", cached.datasets(), key="bring_data")
    called = right.text_input("Call it", key="bring_called", placeholder="the file's name")
    file = st.file_uploader(
        f"File (.{', .'.join(uploads.ENDINGS)})", type=[*uploads.ENDINGS, "tar"], key="bring_file",
        max_upload_size=uploads.MOST_WEIGHTS >> 20, help=TRIED,
    )  # fmt: skip
    with st.expander("What the file does not say itself", icon=":material/tune:", key="bring_reading"):
        reading = reading_fields()
    st.button(
        "Bring it in", key="bring_it", disabled=file is None, on_click=ask, type="primary",
        icon=":material/check:",
    )  # fmt: skip
    if st.session_state.pop("bring_asked", False) and file is not None:
        followed(file, network, trained, reading, called)
    if message := st.session_state.get("brought"):
        st.markdown(message)
    if name := st.session_state.get("brought_name"):
        steps(name, "bring")
    running = job_status.measurement("clean", SweepSpec)
    st.fragment(accuracy, run_every=0.5 if running is not None and running.active else None)(running)


def ask() -> None:
    """Has the file judged while the dialog is drawn: there a bar can follow it."""
    st.session_state.bring_asked = True
    st.session_state.brought, st.session_state.brought_name = "", ""


def followed(file: Any, network: str, trained: str, reading: dict[str, Any], called: str) -> None:
    """Judges the file under a bar that says which step is at hand and what share is done."""
    bar = st.progress(0.0, "Reading the file")

    def progress(share: float, what: str) -> None:
        bar.progress(share, f"{what[0].upper()}{what[1:]}…")
        render.flush_page()

    take(file, network, trained, reading, called, progress)
    bar.empty()


def reading_fields() -> dict[str, Any]:
    """What the file may not say itself; empty fields leave it to the file and the data set."""
    fields = {
        "mean": (FIELDS["mean"], "such as imagenet", "What the network subtracts from pixels in 0..1: "
                 f"{', '.join(USUAL)} (a name stands for the deviation too), one number or three. Empty: a "
                 "Normalize layer in the file, else the data set's."),
        "std": (FIELDS["std"], "as the mean's", "What it then divides by: one number, three, or a name."),
        "state": (FIELDS["state"], "such as ema", "Its key or prefix, where the file holds several."),
        "eps": (FIELDS["eps"], "1e-5", "Where the file does not say it and it is not the usual one."),
    }  # fmt: skip
    places = st.columns(len(fields))
    entries = {
        key: place.text_input(label, placeholder=inside, help=about, key=f"bring_{key}")
        for place, (key, (label, inside, about)) in zip(places, fields.items(), strict=True)
    }
    alone = st.checkbox("Weights alone", key="bring_alone", help=ALONE)
    return {**entries, "alone": alone}


def in_fields(text: str) -> str:
    """A sentence of the importer with the fields of this box instead of the options of its command.

    >>> in_fields("expected to be told which: --state ema"), in_fields("as --eps says")
    ('expected to be told which: “State dict” ema', 'as “Batch norm eps” says')
    """
    return re.sub(rf"--({'|'.join(FIELDS)})(?![\w-])=?", lambda option: f"“{FIELDS[option[1]]}”", text)


def take(
    file: Any, network: str, trained: str, reading: dict[str, Any], called: str, progress: uploads.Progress
) -> None:
    """Checks and keeps the file; the page then shows it."""
    notes: list[str] = []
    try:
        wanted = uploads.Reading.of(**reading)
        name, trained = taken_in(file, network, trained, wanted, notes, progress)
        name = ownnames.rename(name, called or ownnames.of_file(file.name))
    except (ResqError, OSError) as error:
        logs.refused(error, render.where())
        reason = render.plain(in_fields(str(error)))
        st.session_state.brought = f":material/error: This file is not used: {reason}."
        st.session_state.brought_name = ""
        return
    cached.names.clear()
    chosen.choose(name)
    st.session_state.brought_name = name
    message = f":material/check_circle: **{render.plain(name)}** is kept and chosen: "
    message += f"{render.plain(in_fields('; '.join(notes)))}."
    if cached.present(trained):
        job_status.start([SweepSpec(name, encoding="fp32", bers=(0.0,), maps=1, n=N)], "clean")
    else:
        message += f" Its accuracy is not measured: the images of {trained} are not on this machine."
    st.session_state.brought = message


def taken_in(
    file: Any, network: str, trained: str, wanted: uploads.Reading, notes: list[str],
    progress: uploads.Progress,
) -> tuple[str, str]:  # fmt: skip
    """The name of the kept checkpoint, and its data set: those chosen, else those that the shapes tell.

    Args:
        notes: gets sentences on how it was read.

    Raises:
        ResqError: the file is of neither; of the two sentences the one on the choice.
    """
    try:
        raw = file.getvalue()
        return uploads.checkpoint(raw, file.name, network, trained, wanted, notes, progress), trained
    except ResqError as error:
        with contextlib.suppress(ResqError):
            matched = uploads.identified(file.getvalue(), file.name, wanted.state)
            if matched and matched != (network, trained):
                name = uploads.checkpoint(raw, file.name, *matched, wanted, notes, progress)
                notes.insert(
                    0, f"it has the shapes of {matched[0]} for the classes of {matched[1]}, not those chosen"
                )
                return name, matched[1]
        raise error


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
