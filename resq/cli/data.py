"""Looks for a data set's images, decodes them once, and downloads them only when asked."""

from __future__ import annotations

import argparse
from typing import Any

from resq import data, jobs
from resq.cli import options
from resq.core.errors import ResqError
from resq.data import own


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("name", help=f"signs, cifar10, cifar100 or gtsrb; or {options.IMAGES}")
    options.add_images(parser)
    parser.add_argument("--download", action="store_true", help="fetch it with torchvision's own downloader")
    parser.add_argument("--stream", action="store_true", help="print it as one JSON line")


def run(arguments: argparse.Namespace) -> None:
    """Loads both splits, or the images of a path, and says what is there."""
    if arguments.stream:
        jobs.watch_parent()
    name = arguments.name
    if own.is_path(name):
        name = own.bring(name, arguments.classes, arguments.size)
    elif arguments.classes or any(arguments.size):
        raise ResqError(f"--classes and --size are of images at a path, such as mine.npz, got {name!r:.60}")
    about = data.source(name).about
    splits = ("test",) if own.NAME.fullmatch(name) else ("train", "test")
    rows = [_split(name, split, arguments.download) for split in splits]
    if arguments.stream:
        print(options.line({"name": name, **rows[-1]}), flush=True)
        return
    if arguments.json:
        print(options.dump({"name": name, "about": about, "splits": rows}))
        return
    print(about)
    options.print_table([{k: str(v) for k, v in row.items() if k != "bytes"} for row in rows])


def _split(name: str, split: str, download: bool) -> dict[str, Any]:
    images = data.load(name, split, download=download)
    return {
        "split": split, "images": len(images), "classes": len(images.classes), "hash": images.hash,
        "bytes": images.pixels.nbytes,
    }  # fmt: skip
