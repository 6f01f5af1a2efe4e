"""Brings weights from elsewhere: a .safetensors or torch file becomes a checkpoint with a card."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Any

from resq import checkpoints, data
from resq.cli import options, owncodes, train
from resq.errors import ResqError


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "file", type=Path, help="a .safetensors or .onnx file, or a state dict that torch.save wrote"
    )
    parser.add_argument("--network", required=True, help="the network that the weights are of")
    parser.add_argument("--data", required=True, help="the data set that it was trained on")
    parser.add_argument("--name", help="data/network/variant; default: DATA/NETWORK/ and the file's name")
    parser.add_argument("--overwrite", action="store_true", help="replace a checkpoint of the same name")


def run(arguments: argparse.Namespace) -> None:
    """Checks, saves and tests."""
    from resq import foreign  # torch

    classes = data.source(arguments.data).classes
    row = f"{arguments.data}/{arguments.network}"
    name = arguments.name or f"{row}/{re.sub(r'[^a-zA-Z0-9_]+', '-', arguments.file.stem)}"
    if not re.fullmatch(re.escape(row) + "/[a-zA-Z0-9_-]+", name):
        raise ResqError(f"--name must be {row}/VARIANT, of letters, digits, - and _, got {name!r}")
    target = checkpoints.work() / "weights" / f"{name}.safetensors"
    if target.exists() and not arguments.overwrite:
        raise ResqError(f"{target} exists already; --name keeps both, --overwrite replaces it")
    brought = foreign.bring(arguments.file, arguments.network, len(classes))
    about = {"source": _source(arguments.file), "names": list(brought.how), **owncodes.about(brought)}
    about |= _tested(name, brought, about)
    file = checkpoints.save(name, brought.state, brought.weights, about, imported=brought.codes)
    card = checkpoints.card(str(file))
    print(options.dump(card) if arguments.json else _sentence(name, card, file))


def _source(file: Path) -> dict[str, Any]:
    with file.open("rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    return {"file": file.name, "bytes": file.stat().st_size, "sha256": digest}


def _tested(name: str, brought: Any, about: dict[str, Any]) -> dict[str, Any]:
    """Accuracy on all test images of the weights as they are kept, or why there is none."""
    drafts = checkpoints.work() / f"import-{os.getpid()}"
    draft = checkpoints.save(name, brought.state, brought.weights, about, drafts, imported=brought.codes)
    try:
        return {"test": train.tested(draft)}
    except FileNotFoundError:
        return {"measured": f"not measured: no {name.split('/')[0]} images on this machine"}
    finally:
        shutil.rmtree(drafts)


def _sentence(name: str, card: dict[str, Any], file: Path) -> str:
    test = card.get("test", {})
    said = card.get("measured") or (
        f"{options.percent(test['accuracy'])} of {test['n']} test images correct "
        f"(95 %: {options.span(test['low'], test['high'])})"
    )
    parts = [*card["names"], *owncodes.sentences(card), said]
    return f"{name}: {'; '.join(parts)}; written to {file}"
