"""The page "Your network": a deployed file, from its drop to a flipped bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import data, filebring, fileflip, fileinside, filelayers, filesweep, filewords, ownfiles, show


def page() -> None:
    """The whole page; what one part cannot do stops no other."""
    filebring.drop()
    left, right = st.columns(2)
    with left:
        name = filebring.choose(ownfiles.names())
    if not name:
        return
    ownfiles.touch(name)
    inputs = filebring.inputs()
    about = data.inspected(name, inputs)
    with right:
        images = filebring.images(about["output"]["classes"])
    fileinside.inside(about, inputs)
    if not images or not filewords.known(about):
        return
    if (classes := about["output"]["classes"]) and classes != len(data.classes(images)):
        show.sorry(
            f"The file tells {classes} classes apart; {images} has "
            f"{len(data.classes(images))}. Choose other images."
        )
        return
    _measured(name, images, inputs, about)


def _measured(name: str, images: str, inputs: str, about: Mapping[str, Any]) -> None:
    check = None
    with show.in_words():
        check = fileinside.accuracy(name, images, inputs)
    with show.in_words():
        filesweep.section(name, images, inputs, about, check)
    with show.in_words():
        filelayers.section(name, images, inputs, about, check)
    with show.in_words():
        fileflip.section(name, images, inputs, about)
