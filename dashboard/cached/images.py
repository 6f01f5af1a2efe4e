"""Images of the data sets, and whether they are here."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.model import decisive
from dashboard.model.own import ownimages
from resq import data as images

SHOWN = 16  # test images a visitor can choose from


@dataclass(frozen=True, eq=False)
class Pictures:
    """Test images of a data set: the first ones, then those of ``decisive``.

    Attributes:
        numbers: of each in its test set; arrays and ``thumbnails``, PNG data addresses, are in this order.
    """

    numbers: tuple[int, ...]
    pixels: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    thumbnails: tuple[str, ...]

    def at(self, img: int) -> int:
        """The place of the image of this number; the first image's where it is not shown."""
        return self.numbers.index(img) if img in self.numbers else 0


@st.cache_resource(show_spinner="Reading the images…", max_entries=8)
def pictures(name: str) -> Pictures:
    """The images that a visitor can choose from.

    Raises:
        FileNotFoundError: they are not on this machine; the sentence says what to do.
    """
    classes = images.source(name).classes
    numbers = (*range(SHOWN), *(i for i in decisive.pictures(name) if i >= SHOWN))
    if name == "signs":  # rendering these takes no time, rendering the whole split half a minute
        rendered = [images.signs.picture("test", i) for i in numbers]
        pixels, y = np.stack([p for p, _ in rendered]), np.array([label for _, label in rendered])
    else:
        whole = images.load(name, "test")
        numbers = tuple(i for i in numbers if i < len(whole))
        test = whole.take(np.array(numbers))
        pixels, y = test.pixels.copy(), test.y.copy()
    return Pictures(numbers, pixels, y, classes, tuple(_png(p) for p in pixels))


@st.cache_resource(show_spinner=False, max_entries=512)
def one_picture(name: str, number: int) -> str:
    """One test image of a data set as a PNG data address.

    Raises:
        FileNotFoundError: the images are not on this machine.
    """
    if name == "signs":
        return _png(images.signs.picture("test", number)[0])
    return _png(images.load(name, "test").take(np.array([number])).pixels[0])


def thumbnail(pixels: np.ndarray) -> str:
    """A picture (3, H, W) uint8 as a PNG data address."""
    return _png(pixels)


def _png(pixels: np.ndarray, side: int = 96) -> str:
    from PIL import Image

    file = io.BytesIO()
    planes = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)  # grey, as visitors bring it
    picture = Image.fromarray(np.ascontiguousarray(planes))
    picture.resize((side, side), Image.Resampling.NEAREST).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def chance_level(names: list[str]) -> dict[str, float]:
    """Accuracy of guessing, by data set."""
    return {name: 1 / len(images.DATASETS[name].classes) for name in names if name in images.DATASETS}


def present(name: str) -> bool:
    """Whether the images of a data set, or those that a visitor brought under this name, are here."""
    return (name in images.DATASETS and images.present(name)) or name in ownimages.names()


def classes(name: str) -> tuple[str, ...]:
    """Names of a data set's classes."""
    return images.source(name).classes


def about(name: str) -> str:
    """One sentence on a data set, saying whether its images are photographs."""
    return images.DATASETS[name].about if name in images.DATASETS else f"data set {name}"
