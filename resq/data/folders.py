"""Real images from a folder of parquet files, or through torchvision's own download when the user asks.

A data set is a folder ``NAME/`` with ``train*.parquet`` and ``test*.parquet`` (any depth, several shards in
name order). Image columns: ``img`` or ``image``, encoded bytes or Hugging Face's ``{"bytes", "path"}``;
label columns: ``label``, ``labels`` or ``fine_label``. Decoded pixels are cached outside the project.
"""

from __future__ import annotations

import hashlib
import logging
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from resq.core import Dataset
from resq.core.errors import NotFoundError, ResqError
from resq.core.files import write_with
from resq.core.paths import ROOT
from resq.data import decode, tracks
from resq.data.order import mixed


def folders() -> list[Path]:
    """Where data sets are looked for, in order: $RESQ_DATA, data/, and shared/data beside the project."""
    named = [Path(os.environ["RESQ_DATA"]).expanduser()] if os.environ.get("RESQ_DATA") else []
    return [*named, ROOT / "data", ROOT.parent / "shared" / "data"]


def cache() -> Path:
    """Where decoded images are kept between runs: $RESQ_CACHE, or the user's cache folder."""
    base = os.environ.get("RESQ_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "resq"
    folder = Path(base).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shards(name: str, split: str) -> list[Path]:
    """The parquet files of one split, in name order; empty where the data set is not on this machine."""
    for folder in folders():
        paths = sorted(p for p in (folder / name).rglob("*.parquet") if p.name.startswith(split))
        if paths:
            return paths
    return []


def present(name: str) -> bool:
    """Whether ``name`` can be loaded without a download."""
    return bool(shards(name, "test")) or _downloaded(name).exists()


def load(name: str, split: str, classes: tuple[str, ...], download: bool = False) -> Dataset:
    """One split of a real data set.

    Raises:
        FileNotFoundError: neither a parquet folder nor a download is on this machine and none was asked for.
        ValueError: no such split, or a file without image and label columns.
    """
    if split not in ("train", "test"):
        raise ResqError(f"no split {split!r}; known: test, train")
    files = shards(name, split)
    if files:
        pixels, y, groups = _decoded(files, split == "train" and name in tracks.GROUPED)
    elif download or _downloaded(name).exists():
        pixels, y, groups = _torchvision(name, split, download)
    else:
        places = ", ".join(str(p / name) for p in folders())
        raise NotFoundError(
            f"no {name} images on this machine (looked in {places}); set RESQ_DATA to a folder that holds "
            f"{name}/train*.parquet and {name}/test*.parquet, or run: python -m resq data {name} --download"
        )
    if y.min(initial=0) < 0 or y.max(initial=0) >= len(classes):
        raise ResqError(f"labels of {name} must lie in 0..{len(classes) - 1}, got {y.min()}..{y.max()}")
    images = Dataset(name, split, pixels, y, classes, groups)
    return mixed(images, name) if split == "test" else images  # of those to learn from, order.few


def _decoded(files: list[Path], grouped: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Pixels, labels and groups of the shards, decoded once and then read from the cache.

    Args:
        grouped: whether the images are frames of signs, so that a cache without groups lacks something.
    """
    stamp = "|".join(f"{p.resolve()}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files)

    def make() -> dict[str, np.ndarray]:
        from resq.data import shards as encoded  # pyarrow, which decoded pixels do without

        return encoded.read(files)

    def signs() -> dict[str, np.ndarray]:
        from resq.data import shards as encoded

        return encoded.groups(files)

    arrays = cached_arrays(f"{decode.NEWEST}|{stamp}", make)
    if grouped and "groups" not in arrays:
        arrays = {**arrays, **cached_arrays(f"groups|{stamp}", signs)}
    return arrays["pixels"], arrays["y"], arrays.get("groups")


def cached_arrays(stamp: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What ``make()`` returns, made once on this machine for each ``stamp`` and then read from the cache.

    The arrays have any shape and type; they come back as they were made.

    The cache is only a shortcut: half a file in it is made anew, and where it cannot be written (a full or
    read-only disk) the arrays are returned all the same.
    """
    name = f"{hashlib.sha256(stamp.encode()).hexdigest()[:24]}.npz"
    try:
        file = cache() / name
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    # A cut-off or overwritten file shows itself as any of these; so does one that is not there.
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        arrays = make()
        _keep(name, arrays)
        return arrays


def _keep(name: str, arrays: dict[str, np.ndarray]) -> None:
    """Writes arrays into the cache in one step; two that decode at once never see half a file."""
    try:
        write_with(cache() / name, lambda path: _save(path, arrays))
    except OSError as error:
        logging.getLogger(__name__).warning("decoded images are not kept for the next time: %s", error)


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with path.open("wb") as f:  # given a path, numpy would add .npz to its name
        np.savez(f, **arrays)  # type: ignore[arg-type]


def _downloaded(name: str) -> Path:
    """Where torchvision's own download of ``name`` lies."""
    inside = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python", "gtsrb": "gtsrb"}
    return ROOT / "data" / "downloads" / inside[name]


def _torchvision(name: str, split: str, download: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Pixels, labels and groups of torchvision's own download."""
    from resq.platform.torchvision_compat import torchvision  # needs torch, which reading a folder does not

    sets, root = torchvision().datasets, str(_downloaded(name).parent)
    if name == "gtsrb":
        signs = sets.GTSRB(root, split=split, download=download)
        resized = (np.asarray(x.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)) for x, _ in signs)
        pixels = np.stack(list(tqdm(resized, total=len(signs), desc="decoding gtsrb", unit="img")))
        y = np.array([label for _, label in signs._samples], dtype=np.int64)
        groups = tracks.of_names([path for path, _ in signs._samples], y) if split == "train" else None
        return pixels.transpose(0, 3, 1, 2).copy(), y, groups
    kind = {"cifar10": sets.CIFAR10, "cifar100": sets.CIFAR100}[name]
    images = kind(root, train=split == "train", download=download)
    return images.data.transpose(0, 3, 1, 2).copy(), np.asarray(images.targets, dtype=np.int64), None
