"""A folder of pictures as a data set: PATH/train/CLASS/*.png, PATH/test/CLASS/*.png (or .jpg, .jpeg)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from resq.core import Dataset, DataSource
from resq.core.errors import NotFoundError, ResqError
from resq.data import decode, folders, tracks
from resq.data.order import mixed

SIDE = 32
SUFFIXES = (".png", ".jpg", ".jpeg")


def image_folder(
    path: str | Path,
    name: str = "",
    *,
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
    std: tuple[float, float, float] = (0.25, 0.25, 0.25),
    mirror: bool = False,
    classes: Sequence[str] = (),
) -> DataSource:
    """A data set of the pictures below ``path``, resized to 32x32; classes are the folders.

    Their order is that of a network's outputs: the order of text, as torchvision's ImageFolder has it, or
    that of numbers where every name is a whole number; ``python -m resq data NAME`` shows it.

    Args:
        name: what rows call it; the folder's name unless given.
        mean, std: what networks subtract and divide by, per channel in [0, 1].
        mirror: whether a mirrored picture keeps its class.
        classes: the folders in the order of the network's outputs, where it is another one.

    Raises:
        ValueError: no class folders in ``path``/train, other ones in ``path``/test or in ``classes``.
    """
    root = Path(path).expanduser().resolve()
    there = _classes(root / "train")
    other = _classes(root / "test")
    if other != there:
        raise ResqError(f"{root / 'test'} has the classes {', '.join(other)}; train has {', '.join(there)}")
    order = tuple(classes) or there
    if len(set(order)) < len(order) or set(order) != set(there):
        raise ResqError(f"classes are {', '.join(order)}; the folders of {root} are {', '.join(there)}")
    load = partial(_load, root, name or root.name, order)
    about = f"pictures of {len(order)} classes in {root}; class order: {_shown(order)}"
    return DataSource(load, order, mean, std, mirror, about=about)


def _shown(order: Sequence[str]) -> str:
    """The order of classes as a sentence has it, the middle of a long one left out."""
    named = [f"{i} {label}" for i, label in enumerate(order)]
    return ", ".join(named if len(named) <= 12 else [*named[:6], "...", *named[-3:]])


def _classes(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise ResqError(f"no folder {folder}; expected one folder of pictures per class in it")
    names = ordered(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise ResqError(f"{folder} holds no folders; expected one per class, with pictures in it")
    return names


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in the order of text, or of numbers where every name is a whole number.

    >>> ordered(["10", "9"]), ordered(["b", "10", "9"])
    (('9', '10'), ('10', '9', 'b'))
    """
    ordered_names = sorted(names)
    if all(name.isascii() and name.isdecimal() for name in ordered_names):
        ordered_names.sort(key=lambda name: (int(name), name))
    return tuple(ordered_names)


def _load(root: Path, name: str, classes: tuple[str, ...], split: str, download: bool = False) -> Dataset:
    if split not in ("train", "test"):
        raise ResqError(f"no split {split!r}; known: test, train")
    files = [_pictures(root / split / label) for label in classes]
    flat = [file for group in files for file in group]
    stamp = "|".join(f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in flat)

    def make() -> dict[str, np.ndarray]:
        bar = tqdm(flat, desc=f"decoding {name}", unit="img", leave=False, delay=1)
        return {"pixels": np.stack([_pixels(file) for file in bar])}

    pixels = folders.cached_arrays(f"pictures|{decode.NEWEST}|{stamp}", make)["pixels"]
    y = np.repeat(np.arange(len(classes)), [len(group) for group in files]).astype(np.int64)
    groups = tracks.of_names([file.name for file in flat], y) if split == "train" else None
    return mixed(Dataset(name, split, pixels, y, classes, groups))


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise NotFoundError(f"no folder {folder}: it was there before; put the pictures back")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not files:
        raise ResqError(f"{folder} holds no pictures; expected .png or .jpg files")
    return files


def _pixels(file: Path) -> np.ndarray:
    """One picture, uint8 (3, 32, 32).

    Raises:
        ValueError: it cannot be read, or has too many pixels; the sentence names it.
    """
    try:
        image, _ = decode.rgb(file)
    except ValueError as error:
        raise ResqError(f"{file} cannot be read as a picture: {error}") from None
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small).transpose(2, 0, 1).copy()
