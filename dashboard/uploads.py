"""What visitors bring, checked before it is used: a picture, or the weights of a network. No streamlit."""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from resq.errors import ResqError

MOST_BYTES = 8 * 2**20
MOST_PIXELS = 25_000_000  # a telephone's photograph; decoded, three bytes each
SIDE = 32
MOST_WEIGHTS = 64 * 2**20  # bytes of a checkpoint's file: ResNet18 in float32 has 45 MB
MOST_KEPT = 20  # checkpoints brought by visitors: a server's disk is finite
ENDINGS = ("safetensors", "pt", "pth")


def picture(raw: bytes) -> np.ndarray:
    """A PNG or JPEG file as pixels (3, 32, 32) uint8: its middle square, made small.

    Raises:
        ValueError: another format, too large a file or too many pixels (read from the header, before anything
            is decoded), or a damaged file.
    """
    if len(raw) > MOST_BYTES:
        raise ResqError(
            f"the file has {len(raw) / 2**20:.1f} MB; pictures up to {MOST_BYTES >> 20} MB are read"
        )
    try:
        with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG")) as image:
            width, height = image.size
            if width * height > MOST_PIXELS or min(width, height) < 8:
                raise ResqError(
                    f"the picture has {width} x {height} pixels; 8 x 8 to {MOST_PIXELS:,} in all are read"
                )
            return _small(image.convert("RGB"))
    except UnidentifiedImageError:
        raise ResqError("the file is neither a PNG nor a JPEG picture") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's words for damaged files
        raise ResqError(f"the picture cannot be decoded: {error}") from None


def _small(image: Image.Image) -> np.ndarray:
    """The middle square of a picture at the networks' size."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    small = square.resize((SIDE, SIDE), Image.Resampling.BOX if side > SIDE else Image.Resampling.NEAREST)
    return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))


def checkpoint(raw: bytes, file: str, network: str, data: str) -> str:
    """Keeps the weights in a file as a checkpoint of the work folder; its name, the same for the same file.

    Nothing in the file is executed (``resq.foreign``), and none of its words become a name or a path.

    Args:
        file: its name, for the card and for its format.
        network, data: what the weights are of.
    Raises:
        ValueError: too large a file, one that does not fit the network, or too many kept already.
    """
    from resq import checkpoints, foreign
    from resq.data import source

    ending = file.rpartition(".")[2].lower()
    if ending not in ENDINGS:
        raise ResqError(f"{file[-60:]!r} is none of .{', .'.join(ENDINGS)}")
    if len(raw) > MOST_WEIGHTS:
        raise ResqError(
            f"the file has {len(raw) / 2**20:.1f} MB; checkpoints up to {MOST_WEIGHTS >> 20} MB are read"
        )
    digest = hashlib.sha256(raw).hexdigest()
    name = f"{data}/{network}/own-{digest[:8]}"
    kept = [other for other in checkpoints.names() if other.rpartition("/")[2].startswith("own-")]
    if name not in kept and len(kept) >= MOST_KEPT:
        raise ResqError(f"{len(kept)} brought checkpoints are kept here already, as many as may")
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / f"upload.{ending}"
        held.write_bytes(raw)
        brought = foreign.bring(held, network, len(source(data).classes))
    about = {
        "source": {"file": file[-100:], "bytes": len(raw), "sha256": digest},
        "names": list(brought.how),
        "measured": "not measured: brought to the dashboard",
    }
    checkpoints.save(name, brought.state, brought.weights, about)
    return name
