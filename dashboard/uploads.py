"""A visitor's own picture: checked before it is decoded, then cut to what the networks read. No streamlit."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

MOST_BYTES = 8 * 2**20
MOST_PIXELS = 25_000_000  # a telephone's photograph; decoded, three bytes each
SIDE = 32


def picture(raw: bytes) -> np.ndarray:
    """A PNG or JPEG file as pixels (3, 32, 32) uint8: its middle square, made small.

    Raises:
        ValueError: another format, too large a file or too many pixels (read from the header, before anything
            is decoded), or a damaged file.
    """
    if len(raw) > MOST_BYTES:
        raise ValueError(
            f"the file has {len(raw) / 2**20:.1f} MB; pictures up to {MOST_BYTES >> 20} MB are read"
        )
    try:
        with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG")) as image:
            width, height = image.size
            if width * height > MOST_PIXELS or min(width, height) < 8:
                raise ValueError(
                    f"the picture has {width} x {height} pixels; 8 x 8 to {MOST_PIXELS:,} in all are read"
                )
            return _small(image.convert("RGB"))
    except UnidentifiedImageError:
        raise ValueError("the file is neither a PNG nor a JPEG picture") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's words for damaged files
        raise ValueError(f"the picture cannot be decoded: {error}") from None


def _small(image: Image.Image) -> np.ndarray:
    """The middle square of a picture at the networks' size."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    small = square.resize((SIDE, SIDE), Image.Resampling.BOX if side > SIDE else Image.Resampling.NEAREST)
    return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))
