"""The page "Your network": a deployed file, from its drop to a flipped bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import cached
from dashboard.components import filebring, fileinside, filelayers, filesweep, render
from dashboard.format import filewords
from dashboard.forms import fileflip
from dashboard.model.own import ownfiles


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
    about = cached.inspected(name, inputs)
    with right:
        images = filebring.images(about["output"]["classes"])
    filebring.drop_images()
    fileinside.inside(about, inputs)
    if not images or not filewords.known(about):
        return
    if message := filewords.misfit(about, images, filebring.classes_of(images, about["output"]["classes"])):
        render.error_box(message)
        return
    filebring.elsewhere(name, images, inputs)
    _measured(name, images, inputs, about)


def _measured(name: str, images: str, inputs: str, about: Mapping[str, Any]) -> None:
    check = None
    with render.errors_as_sentences():
        check = fileinside.accuracy(name, images, inputs)
    with render.errors_as_sentences():
        filesweep.section(name, images, inputs, about, check)
    with render.errors_as_sentences():
        filelayers.section(name, images, inputs, about, check)
    with render.errors_as_sentences():
        fileflip.section(name, images, inputs, about)
