"""Encoded pictures -> RGB of eight bits: one way for folders, parquet cells and what visitors bring.

A picture is turned as its EXIF orientation says, grey of sixteen bits keeps its whole range, and what is
transparent lies on white.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from resq.core.errors import ResqError

LARGEST = 25_000_000  # pixels, a telephone's photograph: 75 MB decoded
PICTURES = ("PNG", "JPEG")
CELLS = (*PICTURES, "WEBP", "BMP", "GIF", "TIFF", "PPM")  # what data sets in parquet files hold
ORIENTATION = 0x0112  # EXIF's tag; 1 is upright
DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
NEWEST = 2  # of this file: decoded pixels in the cache are those of one way to decode


def rgb(source: Path | bytes, formats: tuple[str, ...] = PICTURES) -> tuple[Image.Image, str]:
    """The picture, and a sentence on what was done to it; mostly an empty one.

    Args:
        source: a file, or its bytes.

    Raises:
        ValueError: another format, too many pixels (known from its header, before anything is decoded), or
            damage; a sentence without the file's name.
    """
    try:
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats
        ) as image:
            if image.width * image.height > LARGEST:
                raise ResqError(f"{image.width}x{image.height} pixels; at most {LARGEST} are decoded")
            return _upright(image)
    except UnidentifiedImageError:
        known = "neither a PNG nor a JPEG picture" if formats == PICTURES else f"none of {', '.join(formats)}"
        raise ResqError(f"cannot identify image file: it is {known}") from None
    # PIL's decoders name damage with many classes.
    except (OSError, SyntaxError, TypeError, struct.error, Image.DecompressionBombError) as error:
        raise ResqError(str(error) or type(error).__name__) from None


def _upright(image: Image.Image) -> tuple[Image.Image, str]:
    """Turned, eight bits deep, without transparency."""
    askew = image.getexif().get(ORIENTATION, 1) in range(2, 9)
    turned = ImageOps.exif_transpose(image)
    notes = ["turned as its EXIF data says"] if askew else []
    flat, deep = _flat(turned)
    notes += ["16-bit grey scaled to 8 bits"] if deep else []
    if not flat.has_transparency_data:
        return flat.convert("RGB"), "; ".join(notes)
    layered = flat.convert("RGBA")
    if layered.getchannel("A").getextrema() == (255, 255):
        return layered.convert("RGB"), "; ".join(notes)
    white = Image.new("RGBA", layered.size, "white")
    notes.append("transparent parts lie on white")
    return Image.alpha_composite(white, layered).convert("RGB"), "; ".join(notes)


def _flat(image: Image.Image) -> tuple[Image.Image, bool]:
    """Grey of more than eight bits as eight: PIL itself would cut it off at 255."""
    if image.mode not in DEEP:
        return image, False
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F" or values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        raise ResqError(
            f"grey values from {values.min():g} to {values.max():g}; expected whole ones from 0 to 65535"
        )
    return Image.fromarray((values / 257).round().astype(np.uint8)), True
