"""Images that a person brings for a file: .npz, .zip, .parquet, or a folder of pictures, of any size.

They get a name that says what they hold, such as ``mine@1a2b3c4d``: rows carry it and no path. Where they lie
is noted in the cache folder, so that the name can be used again on this machine.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from resq.core import Dataset, DataSource
from resq.core.errors import NotFoundError, ResqError
from resq.data import arrays, decode, folders, pictures
from resq.data.order import mixed

# Images that have no file, by the name that says what they hold: those that a notebook handed over.
_HELD: OrderedDict[str, Dataset] = OrderedDict()
MOST_HELD = 4
NAME = re.compile(r"[\w.-]+@[0-9a-f]{8}")
SUFFIXES = (".npz", ".zip", ".parquet")


@dataclass(frozen=True)
class Own:
    """What was brought, and how it is to be read.

    Attributes:
        path: an .npz file with arrays x and y, a .parquet file of encoded pictures, or a folder of folders of
            pictures, one for each class, or a .zip file of such a folder.
        classes: which class each output of the network is, names or numbers; none: in the order of the data.
        size: (height, width) that pictures of a folder are brought to; (0, 0): their own.
    """

    path: Path
    classes: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)

    def name(self) -> str:
        """What rows call it.

        Raises:
            ValueError: neither a file nor a folder.
        """
        stem = re.sub(r"[^\w.-]", "_", self.path.stem if self.path.is_file() else self.path.name) or "images"
        made_of = json.dumps([_stamp(self.path), self.classes, self.size])
        return f"{stem}@{hashlib.sha256(made_of.encode()).hexdigest()[:8]}"


def hold(pixels: np.ndarray, y: np.ndarray) -> str:
    """Makes images without a file known to this process, and gives their name; the last few are kept.

    Args:
        pixels: uint8 (N, C, H, W), or float32 in [0, 1]. ``y``: int64 (N,).
    """
    whole = Dataset("images", "test", pixels, y, tuple(map(str, range(int(y.max()) + 1))))
    made_of = f"{whole.hash} {pixels.shape} {pixels.dtype}"  # the same bytes in another shape are others
    name = f"images@{hashlib.sha256(made_of.encode()).hexdigest()[:8]}"
    _HELD[name] = replace(whole, name=name)
    while len(_HELD) > MOST_HELD:
        _HELD.popitem(last=False)
    return name


def held(name: str) -> bool:
    """Whether a name is that of images without a file."""
    return name in _HELD


def numbered(classes: Sequence[str]) -> bool:
    """Whether classes are mere numbers, of which the labels need not show all that a network knows."""
    return tuple(classes) == tuple(map(str, range(len(classes))))


def is_path(name: str) -> bool:
    """Whether a name of data is one that was typed as a path."""
    return name.lower().endswith(SUFFIXES) or "/" in name or "\\" in name


def bring(path: str, classes: Sequence[str] = (), size: tuple[int, int] = (0, 0)) -> str:
    """Notes where images lie, and gives the name under which they are known from now on.

    Raises:
        ValueError: they cannot be used; the sentence says why.
    """
    own = Own(Path(path).expanduser().resolve(), tuple(classes), size)
    if not own.path.exists():
        raise ResqError(
            f"no images at {path}; --data takes a data set's name, a folder, or an .npz, .zip, .parquet file"
        )
    name = own.name()
    _read(own, name)  # refuses before anything is run
    _write(name, {"path": str(own.path), "classes": own.classes, "size": own.size})
    return name


def reorder(name: str, whole: Dataset, classes: Sequence[str]) -> str:
    """Notes a data set of this name with its classes in the order of a network's outputs, and names that.

    Raises:
        ValueError: not every class once.
    """
    order = ordered(whole, classes).classes
    own = f"{name}@{hashlib.sha256(json.dumps([name, order]).encode()).hexdigest()[:8]}"
    _write(own, {"of": name, "classes": order})
    return own


def source(name: str, load: Callable[[str, str], Dataset]) -> DataSource | None:
    """The source of images that were brought under this name; None: it is no name of such.

    Args:
        load: (name, split) -> a data set by name.

    Raises:
        ValueError: they were brought, and are there no more or others by now.
    """
    if not NAME.fullmatch(name):
        return None
    if name in _HELD:
        return _source(name, _HELD[name], "this process")
    card: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        card = json.loads(_note(name).read_text(encoding="utf-8"))
    if not card:
        raise NotFoundError(f"no images are known as {name} on this machine; give --data their path")
    if "of" in card:
        return _source(name, ordered(load(card["of"], "test"), card["classes"]), card["of"])
    own = Own(Path(card["path"]), tuple(card["classes"]), tuple(card["size"]))
    if not own.path.exists() or own.name() != name:
        raise NotFoundError(f"the images that were {name} are gone or changed ({own.path})")
    return _source(name, _read(own, name), str(own.path))


def _source(name: str, whole: Dataset, where: str) -> DataSource:
    def load(split: str, download: bool = False) -> Dataset:
        if split != "test":
            raise ResqError(f"{name} has no images to train on, only those to test with")
        return whole

    mean, std = (0.5,) * 3, (0.25,) * 3
    return DataSource(load, whole.classes, mean, std, mirror=False, about=f"images of {where}")


def _write(name: str, card: dict[str, Any]) -> None:
    file = _note(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(card), encoding="utf-8")


def _note(name: str) -> Path:
    return folders.cache() / "own" / f"{name}.json"


@lru_cache(4)
def _read(own: Own, name: str) -> Dataset:
    """The images; kept, as a name never means others."""
    pixels, y, labels = _decoded_arrays(own)
    whole = mixed(Dataset(name, "test", pixels, y, labels))
    return ordered(whole, own.classes) if own.classes else whole


def _decoded_arrays(own: Own) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    if own.path.is_dir():
        return _folder(own)
    suffix = own.path.suffix.lower()
    if suffix in (".zip", ".parquet"):
        from resq.data import packed  # pyarrow

        return (packed.read_zip if suffix == ".zip" else packed.read_parquet)(own.path, own.size)
    return arrays.read(own.path)


def ordered(whole: Dataset, order: Sequence[str]) -> Dataset:
    """The images with labels that count the network's outputs.

    Args:
        order: for each output the class it stands for, by name or number.

    Raises:
        ValueError: not every class once.
    """
    numbers = {label: i for i, label in enumerate(whole.classes)}
    labels = [numbers.get(label, int(label) if label.isdecimal() else -1) for label in order]
    if sorted(labels) != list(range(len(whole.classes))):
        raise ResqError(
            f"--classes names {', '.join(order):.200}; expected each of the {len(whole.classes)} classes once"
            f": {', '.join(whole.classes):.200}"
        )
    place = np.empty(len(labels), np.int64)
    place[labels] = np.arange(len(labels))
    return replace(whole, y=place[whole.y], classes=tuple(whole.classes[i] for i in labels))


def _folder(own: Own) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Pictures below PATH/CLASS/ or PATH/test/CLASS/, labels in the order of text or of whole numbers."""
    from resq.data import packed  # pyarrow

    root = own.path / "test" if (own.path / "test").is_dir() else own.path
    labels = pictures._classes(root)
    groups = [pictures._pictures(root / label) for label in labels]
    files = [file for group in groups for file in group]
    y = np.repeat(np.arange(len(labels)), [len(group) for group in groups]).astype(np.int64)
    stamp = f"own|{decode.NEWEST}|{own.size}|{_stamp(own.path)}"
    return (
        folders.cached_arrays(
            stamp, lambda: {"pixels": packed.decoded([(str(f), f) for f in files], len(files), own.size)}
        )["pixels"],
        y,
        labels,
    )


@lru_cache(16)
def _digest(path: Path, *_: int) -> str:
    with path.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def _stamp(path: Path) -> str:
    """What the images are: an .npz file's hash; the names, sizes and times of a folder's pictures."""
    try:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.suffix.lower() in pictures.SUFFIXES)
            about = [(str(p.relative_to(path)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
            return json.dumps(about)
        stat = path.stat()
        return _digest(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise ResqError(f"{path} cannot be read: {error.strerror}") from None
