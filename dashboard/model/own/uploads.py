"""What visitors bring, checked before it is used: a picture, or the weights of a network. No streamlit."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dashboard.model import keeping
from resq.core.errors import ResqError
from resq.data import decode

MOST_BYTES = 8 * 2**20
SIDE = 32
MOST_WEIGHTS = 64 * 2**20  # bytes of a checkpoint's file: ResNet18 in float32 has 45 MB
MOST_KEPT = 20  # checkpoints brought by visitors: a server's disk is finite
FIRST = 1000  # test images on which a file that quantizes activations is run
FEW = 200  # test images on which the usual means and deviations are tried while a visitor waits
READ, KEEPING = 0.3, 0.88  # shares of the time after reading and after trying, of a ResNet18 in float32
Progress = Callable[[float, str], object]  # share done, 0..1, and what comes
WEIGHTS_ALONE = "the box 'Weights alone'"  # what the option is called on a page
ENDINGS = ("safetensors", "pth.tar", "pt", "pth", "th", "ckpt", "bin", "onnx")


def picture(raw: bytes) -> tuple[np.ndarray, str]:
    """A PNG or JPEG file as pixels (3, 32, 32) uint8, its middle square, made small; and what was done to it.

    Raises:
        ValueError: another format, too large a file or too many pixels (read from the header, before anything
            is decoded), or a damaged file.
    """
    if len(raw) > MOST_BYTES:
        raise ResqError(
            f"the file has {len(raw) / 2**20:.1f} MB; pictures up to {MOST_BYTES >> 20} MB are read"
        )
    try:
        image, done = decode.rgb(raw)
    except ValueError as error:
        raise ResqError(f"the picture cannot be decoded: {error}") from None
    if min(image.size) < 8:
        raise ResqError(f"the picture has {image.width} x {image.height} pixels; 8 x 8 or more are read")
    return _small(image), done


def _small(image: Image.Image) -> np.ndarray:
    """The middle square of a picture at the networks' size."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    small = square.resize((SIDE, SIDE), Image.Resampling.BOX if side > SIDE else Image.Resampling.NEAREST)
    return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))


@dataclass(frozen=True)
class Reading:
    """What the file may not say itself: see ``importers.import_weights`` and ``Normal.parse``.

    Attributes:
        alone: whether the weights are taken of a file that quantizes activations too and is itself right on
            other images.
    """

    mean: str = ""
    std: str = ""
    state: str = ""
    eps: float | None = None
    alone: bool = False

    @classmethod
    def of(cls, mean: str, std: str, state: str, eps: str, alone: bool = False) -> Reading:
        """From what a form's fields hold.

        Raises:
            ValueError: an eps that is no number.
        """
        try:
            return cls(mean.strip(), std.strip(), state.strip(), float(eps) if eps.strip() else None, alone)
        except ValueError:
            raise ResqError(f"the batch norm eps is a number such as 1e-3, got {eps[:40]!r}") from None


def checkpoint(
    raw: bytes,
    file: str,
    network: str,
    data: str,
    reading: Reading = Reading(),
    sentences: list[str] | None = None,
    progress: Progress = lambda share, what: None,
) -> str:
    """Keeps the weights in a file as a checkpoint of the work folder; its name, the same for the same file.

    Nothing in the file is executed (``resq.importers``), and none of its words become a name or a path.

    Args:
        file: its name, for the card and for its format.
        network, data: what the weights are of.
        sentences: gets sentences on how it was read, and on what made room for it.
        progress: is called before each step with the share that is done, 0..1, and what comes.

    Raises:
        ValueError: too large a file, one that does not fit the network, or too many kept already.
    """
    from resq import checkpoints, importers
    from resq.data import source
    from resq.data.normal import Normal
    from resq.importers import cards, owncodes, whole

    ending = next((e for e in ENDINGS if file.lower().endswith(f".{e}")), "")
    if not ending:
        raise ResqError(f"{file[-60:]!r} is none of .{', .'.join(ENDINGS)}")
    if len(raw) > MOST_WEIGHTS:
        raise ResqError(
            f"the file has {len(raw) / 2**20:.1f} MB; checkpoints up to {MOST_WEIGHTS >> 20} MB are read"
        )
    normal = Normal.parse(reading.mean, reading.std) if reading.mean or reading.std else None
    digest = hashlib.sha256(raw).hexdigest()
    read = "" if reading == Reading() else repr(reading)  # the same file read otherwise is another checkpoint
    mark = hashlib.sha256((digest + read).encode()).hexdigest() if read else digest
    name = f"{data}/{network}/own-{mark[:8]}"
    progress(0.0, "reading the file")
    with _held(raw, file, ending) as held:
        brought = importers.import_weights(
            held, network, len(source(data).classes), reading.state, reading.eps
        )
        about = {
            "source": {"file": file[-100:], "bytes": len(raw), "sha256": digest},
            **cards.described(brought, normal),
            **owncodes.about(brought),
            "measured": "not measured: brought to the dashboard",
        }
        about |= _seen(held, name, brought, about, reading.alone, progress)
    progress(KEEPING, "keeping it")
    brought_names = [other for other in checkpoints.names() if other.rpartition("/")[2].startswith("own-")]
    notes = (
        [keeping.room(brought_names)] if name not in brought_names and len(brought_names) >= MOST_KEPT else []
    )
    checkpoints.save(name, brought.state, brought.weights, about, imported=brought.codes)
    if sentences is not None:
        sentences += [*about["names"], *owncodes.sentences(about), *whole.sentence(about)]
        sentences += [*about.get("notes", []), *notes]
    return name


def identified(raw: bytes, file: str, state: str = "") -> tuple[str, str] | None:
    """The network and the data set that a file is of, by its shapes; None where they tell none.

    Args:
        file: its name, for its format.
        state: which state dict, where the file holds several.
    """
    from resq import importers
    from resq.data import DATASETS

    ending = next((e for e in ENDINGS if file.lower().endswith(f".{e}")), "")
    if not ending or len(raw) > MOST_WEIGHTS:
        return None
    with _held(raw, file, ending) as held:
        fitting = importers.identified(held, state)
    by_classes = {len(source.classes): name for name, source in reversed(DATASETS.items())}
    return (fitting[0][0], by_classes[fitting[0][1]]) if fitting else None


def _seen(
    held: Path, name: str, brought: Any, about: Mapping[str, Any], alone: bool, progress: Progress
) -> dict[str, Any]:
    """What the first test images say of a file, as after an import on the command line; nothing without them.

    Raises:
        ValueError: its activations are in codes, and it is right on other images than its weights alone.
    """
    from resq import checkpoints, data
    from resq.importers import draft, whole
    from resq.measure.run.normals import of_network as normals

    try:
        images = data.load(name.split("/")[0], "test")
    except FileNotFoundError:
        return {}
    progress(READ, "running its graph" if brought.quantized else "building the network")
    with draft.draft(name, brought, about) as file:
        checkpoint = checkpoints.load(str(file))
        comparison = whole.compared(held, brought, checkpoint, images.first(min(len(images), FIRST)), alone)
        few = images.first(min(len(images), FEW))
        tries = KEEPING - READ
        other = normals.other(checkpoint, few, lambda done, what: progress(READ + tries * done, what))
    note = f"of the first {len(few)} test images {other.sentence('“Mean”')}" if other else ""
    return {**comparison, **({"notes": [note]} if note else {})}


@contextmanager
def _held(raw: bytes, file: str, ending: str) -> Iterator[Path]:
    """The file where it can be read; a refusal names it as its owner does."""
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / f"upload-{hashlib.sha256(raw).hexdigest()[:8]}.{ending}"
        held.write_bytes(raw)
        try:
            yield held
        except ValueError as error:
            message = str(error).replace(held.name, file[-100:]).replace("--float-activations", WEIGHTS_ALONE)
            raise ResqError(message) from None
