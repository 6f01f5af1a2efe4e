"""Looks for a data set's images, decodes them once, and downloads them only when asked."""

from __future__ import annotations

import argparse

from resq import data
from resq.cli import options


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("name", help="signs, cifar10, cifar100 or gtsrb")
    parser.add_argument("--download", action="store_true", help="fetch it with torchvision's own downloader")


def run(arguments: argparse.Namespace) -> None:
    """Loads both splits and says what is there."""
    about = data.source(arguments.name).about
    rows = []
    for split in ("train", "test"):
        images = data.load(arguments.name, split, download=arguments.download)
        rows.append(
            {"split": split, "images": len(images), "classes": len(images.classes), "hash": images.hash}
        )
    if arguments.json:
        print(options.dump({"name": arguments.name, "about": about, "splits": rows}))
        return
    print(about)
    options.print_table([{k: str(v) for k, v in row.items()} for row in rows])
