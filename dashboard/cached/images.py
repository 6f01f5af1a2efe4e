"""Images of the data sets, and whether they are here."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import streamlit as st

from resq import data as images

SHOWN = 16  # test images a visitor can choose from


@dataclass(frozen=True, eq=False)
class Pictures:
    """The first test images of a data set; ``thumbnails`` are PNG data addresses."""

    pixels: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    thumbnails: tuple[str, ...]


@st.cache_resource(show_spinner="Reading the images…", max_entries=8)
def pictures(name: str) -> Pictures:
    """The images that a visitor can choose from.

    Raises:
        FileNotFoundError: they are not on this machine; the sentence says what to do.
    """
    classes = images.source(name).classes
    if name == "signs":  # rendering sixteen takes no time, rendering the whole split half a minute
        pixels, y = images.signs.render("test", SHOWN)
    else:
        first = images.load(name, "test").first(SHOWN)
        pixels, y = first.pixels.copy(), first.y.copy()
    return Pictures(pixels, y, classes, tuple(_png(p) for p in pixels))


def thumbnail(pixels: np.ndarray) -> str:
    """A picture (3, H, W) uint8 as a PNG data address."""
    return _png(pixels)


def _png(pixels: np.ndarray, side: int = 96) -> str:
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    picture.resize((side, side), Image.Resampling.NEAREST).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def chance_level(names: list[str]) -> dict[str, float]:
    """Accuracy of guessing, by data set."""
    return {name: 1 / len(images.DATASETS[name].classes) for name in names if name in images.DATASETS}


def present(name: str) -> bool:
    """Whether the images of a data set are on this machine."""
    return name in images.DATASETS and images.present(name)


def classes(name: str) -> tuple[str, ...]:
    """Names of a data set's classes."""
    return images.source(name).classes


def about(name: str) -> str:
    """One sentence on a data set, saying whether its images are photographs."""
    return images.DATASETS[name].about if name in images.DATASETS else f"data set {name}"
