"""The colour of words on coloured tiles: black or white, whichever stands out more, for every heatmap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly.colors import sample_colorscale, unlabel_rgb

SCALE = "Cividis"  # the same to all eyes, and in grey
BLACK, WHITE = "#000000", "#ffffff"


def luminance(colour: Sequence[float]) -> float:
    """Relative luminance of a colour, 0 to 1 (WCAG 2.2, section "relative luminance").

    Args:
        colour: red, green and blue, 0..255.
    """
    parts = np.asarray(colour, float) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: float, other: float) -> float:
    """Contrast of two luminances, 1 to 21 (WCAG 2.2, section "contrast ratio").

    >>> contrast(1.0, 0.0)
    21.0
    """
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def ink(share: float) -> str:
    """Black or white on the tile of a share: always a contrast of at least 4.5.

    Args:
        share: place on the scale of colours, 0..1.

    >>> ink(0.0), ink(1.0)
    ('#ffffff', '#000000')
    """
    tile = luminance(unlabel_rgb(sample_colorscale(SCALE, [min(1.0, max(0.0, share))])[0]))
    return BLACK if contrast(tile, 0.0) >= contrast(tile, 1.0) else WHITE


def layers(z: np.ndarray, most: float = 1.0) -> list[dict[str, Any]]:
    """A heatmap with words as two, those with white words and those with black: one has one colour of words.

    Args:
        z: the tiles' values, float, NaN where there is none.
        most: the value that takes the brightest colour; 0 takes the darkest.

    Returns:
        Of each: ``z``, NaN where the other one has the tile, and what colours it and its words.
    """
    inks = np.array([ink(value / most) if value == value else "" for value in z.ravel().tolist()])
    return [
        {"z": np.where(inks.reshape(z.shape) == colour, z, np.nan), "textfont": {"color": colour},
         "zmin": 0, "zmax": most, "colorscale": SCALE, "hoverongaps": False, "xgap": 2, "ygap": 2,
         "showscale": False}
        for colour in (WHITE, BLACK)
    ]  # fmt: skip
