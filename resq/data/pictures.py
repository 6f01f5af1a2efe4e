"""A folder of pictures as a data set: PATH/train/CLASS/*.png, PATH/test/CLASS/*.png (or .jpg, .jpeg)."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from resq.core import Dataset, DataSource
from resq.data import folders
from resq.errors import NotFoundError, ResqError

SIDE = 32
LARGEST = 25_000_000  # pixels of one picture: 75 MB decoded
SUFFIXES = (".png", ".jpg", ".jpeg")


def image_folder(
    path: str | Path,
    name: str = "",
    *,
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
    std: tuple[float, float, float] = (0.25, 0.25, 0.25),
    mirror: bool = False,
) -> DataSource:
    """A data set of the pictures below ``path``, resized to 32x32; classes are the folders, by name.

    Args:
        name: what rows call it; the folder's name unless given.
        mean, std: what networks subtract and divide by, per channel in [0, 1].
        mirror: whether a mirrored picture keeps its class.
    Raises:
        ValueError: no class folders in ``path``/train, or other ones in ``path``/test.
    """
    root = Path(path).expanduser().resolve()
    classes = _classes(root / "train")
    other = _classes(root / "test")
    if other != classes:
        raise ResqError(f"{root / 'test'} has the classes {', '.join(other)}; train has {', '.join(classes)}")
    load = partial(_load, root, name or root.name, classes)
    return DataSource(load, classes, mean, std, mirror, about=f"pictures of {len(classes)} classes in {root}")


def _classes(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise ResqError(f"no folder {folder}; expected one folder of pictures per class in it")
    found = tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")))
    if not found:
        raise ResqError(f"{folder} holds no folders; expected one per class, with pictures in it")
    return found


def _load(root: Path, name: str, classes: tuple[str, ...], split: str, download: bool = False) -> Dataset:
    if split not in ("train", "test"):
        raise ResqError(f"no split {split!r}; known: test, train")
    files = [_pictures(root / split / label) for label in classes]
    flat = [file for group in files for file in group]
    stamp = "|".join(f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in flat)

    def make() -> dict[str, np.ndarray]:
        bar = tqdm(flat, desc=f"decoding {name}", unit="img", leave=False, delay=1)
        return {"pixels": np.stack([_pixels(file) for file in bar])}

    pixels = folders.kept(f"pictures|{stamp}", make)["pixels"]
    y = np.repeat(np.arange(len(classes)), [len(group) for group in files]).astype(np.int64)
    return Dataset(name, split, pixels, y, classes)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise NotFoundError(f"no folder {folder}: it was there before; put the pictures back")
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not found:
        raise ResqError(f"{folder} holds no pictures; expected .png or .jpg files")
    return found


def _pixels(file: Path) -> np.ndarray:
    """One picture, uint8 (3, 32, 32).

    Raises:
        ValueError: it cannot be read, or has too many pixels; the sentence names it.
    """
    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > LARGEST:  # known from its header, before anything is decoded
                raise ResqError(f"{image.width}x{image.height} pixels; at most {LARGEST} are decoded")
            small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    # PIL's decoders name damage with many classes.
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise ResqError(f"{file} cannot be read as a picture: {error}") from None
    return np.asarray(small).transpose(2, 0, 1).copy()
