"""An .npz file of images as people save them: x uint8 (N, H, W, C), (N, C, H, W) or (N, H, W), y labels."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from resq.core.errors import ResqError

LARGEST = 4 * 2**30  # bytes, unpacked
IMAGES, LABELS, NAMES = ("x", "images", "x_test"), ("y", "labels", "y_test"), "classes"


def read(file: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images uint8 (N, C, H, W), labels int64 (N,), and the names of the classes.

    Without an array ``classes`` the classes are numbers, as many as the labels need.

    Raises:
        ValueError: not such a file; the sentence says what came and what was expected.
    """
    try:
        _bounded(file)
        with np.load(file, allow_pickle=False) as held:
            x, y = _one(file, held, IMAGES), _one(file, held, LABELS)
            names = tuple(map(str, held[NAMES])) if NAMES in held.files else ()
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        raise ResqError(f"{file.name} cannot be read as an .npz file: {error}") from None
    except ValueError as error:
        if isinstance(error, ResqError):
            raise
        raise ResqError(f"{file.name} cannot be read as an .npz file: {error}") from None
    return _planes(file, x), *_labels(file, x, y, names)


def _bounded(file: Path) -> None:
    """Sizes as the archive and each array's own head say them, before memory is taken."""
    with zipfile.ZipFile(file) as archive:
        for part in archive.infolist():
            if part.file_size > LARGEST:
                raise ResqError(f"{file.name} holds {part.file_size} bytes in {part.filename!r:.40}; at most "
                                f"{LARGEST} are read")  # fmt: skip
            with archive.open(part) as raw:
                version = np.lib.format.read_magic(raw)
                head = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else (np.lib.format.read_array_header_2_0)
                )
                shape, _, dtype = head(raw)
                count = 1
                for n in shape:
                    count *= n
                if count * dtype.itemsize > part.file_size:
                    raise ResqError(
                        f"{file.name} says that {part.filename!r:.40} has the shape {shape!s:.60}, but holds "
                        f"{part.file_size} bytes"
                    )


def _one(file: Path, held: np.lib.npyio.NpzFile, names: tuple[str, ...]) -> np.ndarray:
    for name in names:
        if name in held.files:
            array: np.ndarray = held[name]
            return array
    raise ResqError(f"{file.name} has the arrays {', '.join(held.files):.200}; expected {' or '.join(names)}")


def _planes(file: Path, x: np.ndarray) -> np.ndarray:
    """Images as (N, C, H, W)."""
    if x.dtype != np.uint8:
        raise ResqError(f"{file.name} holds images of {x.dtype}; expected uint8, 0 to 255")
    if x.ndim == 3:
        return np.ascontiguousarray(x[:, None])
    if x.ndim != 4 or not x.size:
        raise ResqError(f"{file.name} holds images of shape {x.shape}; expected (N, H, W, C) or (N, C, H, W)")
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if first == last:
        either = "which could be either" if first else "which is neither"
        raise ResqError(f"{file.name} holds images of shape {x.shape}, {either} (N, H, W, C) or (N, C, H, W) "
                        "of one or three colours")  # fmt: skip
    return np.ascontiguousarray(x if first else x.transpose(0, 3, 1, 2))


def _labels(
    file: Path, x: np.ndarray, y: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...]]:
    y = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    if y.dtype.kind not in "iu" or y.shape != (len(x),):
        raise ResqError(
            f"{file.name} holds labels of {y.dtype} and shape {y.shape}; expected whole numbers ({len(x)},)"
        )
    least, most = int(y.min()), int(y.max())
    if least < 0 or most >= (len(names) or 100_000):
        raise ResqError(f"{file.name} has labels {least} to {most}; expected 0 to "
                        f"{len(names) - 1 if names else 'the number of classes less 1'}")  # fmt: skip
    return y.astype(np.int64), names or tuple(map(str, range(most + 1)))
