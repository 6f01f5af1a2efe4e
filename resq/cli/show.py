"""What there is: networks, data sets, encodings, fault models, attacks and checkpoints."""

from __future__ import annotations

import argparse
from typing import Any

from resq import checkpoints, data
from resq.cli import options
from resq.core import Encoding
from resq.errors import ResqError
from resq.measure import table
from resq.measure.cells import ACTIVATIONS
from resq.memory.faults import FAULTS

ENCODINGS = ("int8", "int8-symmetric", "int8-symmetric-tensor", "int8-magnitude", "int4", "int4-mse",
             "int4-tmr2", "fp32", "fp16", "bf16")  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("checkpoint", nargs="?", help="one checkpoint's whole card")


def run(arguments: argparse.Namespace) -> None:
    """Prints everything, or one card."""
    if arguments.checkpoint:
        card = checkpoints.unshipped().get(arguments.checkpoint) or _own(arguments.checkpoint)
        print(options.dump(card) if arguments.json else _card(card))
        return
    found = everything()
    if arguments.json:
        print(options.dump(found))
        return
    for kind, rows in found.items():
        print(f"\n{kind.replace('_', ' ').upper()}")
        options.print_table([{k: _text(k, v) for k, v in row.items()} for row in rows])


def _own(name: str) -> dict[str, Any]:
    """The card of a checkpoint that is here.

    Raises:
        ResqError: it is not; the sentence says so of one that has stored rows and neither weights nor card.
    """
    if name not in checkpoints.names() and not name.endswith(".safetensors"):
        rows = int((table.shipped()["checkpoint"] == name).sum())
        if rows:
            raise ResqError(
                f"{name} has {rows} stored rows and neither weights nor a card here; python -m resq report "
                f"{name} --out report.html shows the rows"
            )
    return checkpoints.card(name)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Kind -> one object per member."""
    from resq.measure import activations  # torch
    from resq.networks import NETWORKS
    from resq.threat.attacks import ATTACKS

    return {
        "networks": [{"name": name, "about": _first_line(make)} for name, make in NETWORKS.items()],
        "data_sets": [
            {"name": name, "here": s.present(), "classes": len(s.classes), "about": s.about}
            for name, s in data.DATASETS.items()
        ],
        "encodings": [
            {"name": str(e), "code": e.code, "scales": e.per, "bits": e.bits, "stored_bits": e.memory([1])}
            for e in map(Encoding.parse, ENCODINGS)
        ],
        "faults": [
            {"name": name, "about": _first_line(model)}
            for name, model in {**FAULTS, ACTIVATIONS: activations.faulty}.items()
        ],
        "attacks": [{"name": name, "about": _first_line(attack)} for name, attack in ATTACKS.items()],
        "checkpoints": [_checkpoint(name, checkpoints.card(name)) for name in checkpoints.names()],
        "trained_but_not_shipped": [
            _checkpoint(name, card) for name, card in checkpoints.unshipped().items()
        ],
    }


def _checkpoint(name: str, card: dict[str, Any]) -> dict[str, Any]:
    test = card.get("test", {})
    return {"name": name, "accuracy": test.get("accuracy"), "n": test.get("n"), "epochs": card.get("epochs"),
            "sha256": card["sha256"][:16]}  # fmt: skip


def _first_line(thing: object) -> str:
    return next(iter((thing.__doc__ or "").strip().splitlines()), "")


def _text(key: str, value: Any) -> str:
    if value is None:
        return "not measured"
    if key == "accuracy":
        return options.percent(value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _card(card: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in card.items() if key != "weights")
