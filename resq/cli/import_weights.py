"""Brings weights from elsewhere: a safetensors, torch or ONNX file becomes a checkpoint with a card."""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path
from typing import Any

from resq import checkpoints, data
from resq.cli import options
from resq.core import paths
from resq.core.errors import ResqError
from resq.data.normal import USUAL, Normal

FILE = (
    "a .safetensors file; a state dict that torch.save wrote (.pt, .pth, .th, .pth.tar, .ckpt, .bin), floats "
    "or quantized by torch.ao, torchao or quanto; or an .onnx file"
)


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("file", type=Path, help=FILE)
    parser.add_argument("--network", required=True, help="the network that the weights are of")
    parser.add_argument("--data", required=True, help="the data set that it was trained on")
    parser.add_argument("--name", help="data/network/variant; default: DATA/NETWORK/ and the file's name")
    parser.add_argument("--overwrite", action="store_true", help="replace a checkpoint of the same name")
    add_reading(parser)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """What the file may not say itself."""
    usual = ", ".join(USUAL)
    parser.add_argument(
        "--mean", default="", help="what the network subtracts from pixels in 0..1: one number, three, or "
        f"{usual} (a name stands for --std too); default: a Normalize layer in the file, else the data set's"
    )  # fmt: skip
    parser.add_argument("--std", default="", help="what it then divides by: one number, three, or a name")
    parser.add_argument(
        "--state", default="", metavar="KEY", help="which state dict, by its key or prefix, where the file "
        "holds several, such as ema"
    )  # fmt: skip
    parser.add_argument(
        "--float-activations", action="store_true", help="import the weights alone of a file that quantizes "
        "activations too, although it then is right on more or fewer images than the file itself"
    )  # fmt: skip
    parser.add_argument(
        "--eps", type=float, help="the batch norms' eps where the file does not say it, as 1e-3"
    )


def run(arguments: argparse.Namespace) -> None:
    """Checks, saves and tests."""
    from resq import importers  # torch
    from resq.importers import cards, owncodes, trial

    classes = data.source(arguments.data).classes
    row = f"{arguments.data}/{arguments.network}"
    name = arguments.name or f"{row}/{re.sub(r'[^a-zA-Z0-9_]+', '-', _stem(arguments.file.name))}"
    if not re.fullmatch(re.escape(row) + "/[a-zA-Z0-9_-]+", name):
        raise ResqError(f"--name must be {row}/VARIANT, of letters, digits, - and _, got {name!r}")
    target = paths.work() / "weights" / f"{name}.safetensors"
    if target.exists() and not arguments.overwrite:
        raise ResqError(f"{target} exists already; --name keeps both, --overwrite replaces it")
    normal = Normal.parse(arguments.mean, arguments.std) if arguments.mean or arguments.std else None
    brought = importers.import_weights(
        arguments.file, arguments.network, len(classes), arguments.state, arguments.eps
    )
    about = {"source": _source(arguments.file), **cards.described(brought, normal), **owncodes.about(brought)}
    about |= trial.tested(name, brought, about, arguments.file, arguments.float_activations)
    file = checkpoints.save(name, brought.state, brought.weights, about, imported=brought.codes)
    card = checkpoints.card(str(file))
    print(options.dump(card) if arguments.json else _sentence(name, card, file))


def _stem(name: str) -> str:
    return name.removesuffix(".tar").rpartition(".")[0] or name


def _source(file: Path) -> dict[str, Any]:
    """Name, size and hash of a file, and of those beside it that hold weights of an ONNX file."""
    from resq.importers.onnx import onnx_file

    beside = [_hashed(other) for other in onnx_file.beside(file)] if file.suffix.lower() == ".onnx" else []
    return {**_hashed(file), **({"beside": beside} if beside else {})}


def _hashed(file: Path) -> dict[str, Any]:
    with file.open("rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    return {"file": file.name, "bytes": file.stat().st_size, "sha256": digest}


def _sentence(name: str, card: dict[str, Any], file: Path) -> str:
    test = card.get("test", {})
    accuracy = card.get("measured") or (
        f"{options.percent(test['accuracy'])} of {test['n']} test images correct "
        f"(95 % over images: {options.span(test['low'], test['high'])})"
    )
    from resq.importers import owncodes, whole

    parts = [
        *card["names"],
        *owncodes.sentences(card),
        accuracy,
        *whole.sentence(card),
        *card.get("notes", []),
    ]
    return f"{name}: {'; '.join(parts)}; written to {file}"
