"""Where a deployed file is dropped, chosen, and what it does not say of its input is said."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, query, render
from dashboard.format import filewords
from dashboard.model.own import ownfiles, ownimages, uploads
from resq.core import logs
from resq.core.errors import ResqError
from resq.data.own import numbered
from resq.deployed.pixels import LAYOUTS, Asked

MOST = uploads.MOST_WEIGHTS >> 20  # MB
RANGES = ("", "0..1", "0..255", "-1..1", "-128..127")


def drop() -> None:
    """The box for a file, and what became of the last one."""
    with page_frame.group("own"):
        st.file_uploader(
            f"Drop the file that is deployed (.{', .'.join(ownfiles.ENDINGS)}, up to {MOST} MB)",
            type=list(ownfiles.ENDINGS), key="drop", max_upload_size=MOST, on_change=take,
        )  # fmt: skip
        st.caption(
            "It is kept on this server under its hash, so whoever uses this server can choose it. It is "
            "read and run in processes of their own."
        )
        if message := st.session_state.get("dropped"):
            st.markdown(message)


def take() -> None:
    """Keeps the dropped file and chooses it; one that cannot be read is not kept."""
    file: Any = st.session_state.get("drop")
    st.session_state.dropped = ""
    if file is None:
        return
    try:
        before = ownfiles.names()
        name, note = ownfiles.keep(file.getvalue(), file.name)
        if name not in before:
            _read(name)
    except (ResqError, OSError) as error:
        logs.refused(error, render.where())
        st.session_state.dropped = f":material/error: This file is not used: {render.plain(str(error))}."
        return
    st.session_state.file = name
    st.session_state.dropped = f":material/info: {render.plain(note)}." if note else ""


# What a visitor may say of a file's input on the page; one of them answers what a file lacks.
ANSWERS = ("range 0,1", "layout nchw", "layout nhwc", "range 0,1 layout nchw")


def _read(name: str) -> None:
    """Has a file that has just been kept read, and removes it where nothing said of it makes that succeed.

    Raises:
        ResqError: it is no such file, or damaged. A file that lacks only what can be said on the page stays.
    """
    try:
        cached.inspected(name, "")
    except ResqError:
        if not any(_readable(name, inputs) for inputs in ANSWERS):
            ownfiles.delete(name)
            raise


def _readable(name: str, inputs: str) -> bool:
    try:
        cached.inspected(name, inputs)
    except ResqError:
        return False
    return True


def delete(name: str) -> None:
    """Removes a kept file from this server, for a button."""
    try:
        ownfiles.delete(name)
    except (ResqError, OSError) as error:
        logs.refused(error, render.where())
        st.session_state.dropped = f":material/error: Not deleted: {render.plain(str(error))}."
        return
    st.session_state.pop("file", None)
    st.session_state.dropped = f":material/delete: {render.plain(name)} is deleted; its rows stay stored."


def choose(names: list[str]) -> str | None:
    """The chosen file; None, with a sentence, where the link names one that is not here, or none is here.

    The address always names it, also the one that is chosen at first: a link holds the file's hash.
    """
    wanted = st.query_params.get("file", "")
    if wanted != st.session_state.get("file_written"):  # somebody followed a link
        st.session_state.file = wanted
    chosen = st.session_state.get("file") or (names[0] if names else "")
    _written(chosen)
    if chosen and chosen not in names:
        render.error_box(
            f"The link names the file {render.plain(chosen[:80])}, which is not on this server. The digits "
            "after the @ are the first of its SHA-256: whoever has that file can drop it above, and the link "
            "shows it."
        )
        return None
    if not names:
        return None
    st.session_state.file = chosen
    with page_frame.group("choice"), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("File", names, key="file")
        st.button("Delete", key="file_delete", on_click=delete, args=(name,), icon=":material/delete:",
                  type="tertiary")  # fmt: skip
    _written(name)
    return name


def _written(name: str) -> None:
    query.set_parameter("file", name)
    st.session_state.file_written = name


def drop_images() -> None:
    """The box for images of one's own, and what became of the last ones."""
    with page_frame.group("own", "images"):
        left, right = st.columns(2)
        left.text_input("Resize pictures of several sizes to", key="image_size", max_chars=11,
                        on_change=take_images, placeholder="224x224")  # fmt: skip
        right.text_input("Class of each output, where not in the data's order", key="image_classes",
                         max_chars=4000, on_change=take_images, placeholder="cat,dog,ship")  # fmt: skip
        st.file_uploader(
            f"Images of your own for it (.{', .'.join(ownimages.ENDINGS)}, up to {ownimages.MOST >> 20} MB)",
            type=list(ownimages.ENDINGS), key="drop_images", max_upload_size=ownimages.MOST >> 20,
            on_change=take_images,
        )  # fmt: skip
        st.caption(
            "An .npz file with x (uint8, N x H x W, with colours last or second) and y; a .parquet file of "
            "encoded pictures with labels; or a .zip of a folder with a folder of pictures for each class."
        )
        if message := st.session_state.get("dropped_images"):
            st.markdown(message)


def take_images() -> None:
    """Keeps the dropped images and chooses them."""
    file: Any = st.session_state.get("drop_images")
    st.session_state.dropped_images = ""
    if file is None:
        return
    try:
        st.session_state.data = ownimages.keep(
            file.getvalue(), file.name, cached.answer_of,
            st.session_state.get("image_size", ""), st.session_state.get("image_classes", ""),
        )  # fmt: skip
    except (ResqError, OSError) as error:
        logs.refused(error, render.where())
        reason = render.plain(str(error)).removesuffix(".")
        st.session_state.dropped_images = f":material/error: These images are not used: {reason}."


def images(classes: int) -> str | None:
    """The data set whose test images the file is given; those with as many classes first.

    Images that a visitor brought are chosen like one.
    """
    brought = ownimages.names()
    here = [name for name in cached.datasets() if cached.present(name)]
    here.sort(key=lambda name: len(cached.classes(name)) != classes)
    labels = {name: f"{name}: {len(cached.classes(name))} classes" for name in here}
    labels |= {name: f"{name}: {n:,} of your own" for name, n in brought.items()}
    query.value_in_address("data", labels)
    with page_frame.group("choice", "images"):
        return st.selectbox("Images", list(labels), key="data", bind="query-params",
                            format_func=labels.__getitem__)  # fmt: skip


def classes_of(images: str, outputs: int) -> int:
    """How many classes images have; the file's own where labels are mere numbers, which may not show all."""
    labels = cached.classes(images)
    return outputs if numbered(labels) and len(labels) < outputs else len(labels)


def link(page: str, label: str, name: str, images: str, inputs: str, **values: Any) -> None:
    """A link to another page with this file, its images and what was said of its input."""
    parsed = Asked.parse(inputs)
    options: dict[str, Any] = dict(zip(inputs.split()[::2], inputs.split()[1::2], strict=True))
    if parsed.span:
        options["range"] = "..".join(f"{value:g}" for value in parsed.span)
    page_frame.link(page, label, net=name, data=images, **options, **values)


def elsewhere(name: str, images: str, inputs: str) -> None:
    """The ways to the other pages that take the file."""
    with st.container(horizontal=True):
        link("layers", "Layers with this file", name, images, inputs)
        link("bitlab", "Bit lab with this file", name, images, inputs)


def inputs() -> str:
    """What is said of the input beyond what the file says, as ``Asked`` spells it.

    Raises:
        ResqError: no numbers, or numbers that cannot be meant.
    """
    fields = ("range", "mean", "std", "layout")
    with page_frame.group("input"):
        box = st.expander("Input: what the file does not say itself", icon=":material/tune:", key="input",
                          on_change="rerun")  # fmt: skip
        drawn = bool(box.open or page_frame.touched("input") or st.session_state.get("input_drawn"))
        st.session_state.input_drawn = drawn
        with box:
            texts = _fields() if drawn else dict.fromkeys(fields, "")
    return str(Asked.parse(" ".join(f"{name} {value}" for name, value in texts.items() if value)))


def _fields() -> dict[str, str]:
    columns = st.columns(4)
    span = columns[0].selectbox(filewords.FIELDS["range"], RANGES, key="range", bind="query-params",
                                format_func=lambda text: text or "as the file says")  # fmt: skip
    mean = columns[1].text_input(filewords.FIELDS["mean"], key="mean", bind="query-params", max_chars=60,
                                 placeholder="0.485,0.456,0.406")  # fmt: skip
    std = columns[2].text_input(filewords.FIELDS["std"], key="std", bind="query-params", max_chars=60,
                                placeholder="0.229,0.224,0.225")  # fmt: skip
    axes = {"": "as the file says", **{name: name.upper() for name in LAYOUTS}}
    query.value_in_address("layout", axes)
    layout = columns[3].selectbox("Axes", list(axes), key="layout", bind="query-params",
                                  format_func=axes.__getitem__)  # fmt: skip
    texts = {"range": span or "", "mean": mean, "std": std, "layout": layout or ""}
    return {name: value.replace(" ", "") for name, value in texts.items()}
