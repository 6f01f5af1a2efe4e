"""What there is: networks, data sets, encodings, fault models, attacks and checkpoints."""

from __future__ import annotations

import argparse
from typing import Any

from resq import checkpoints, data
from resq.cli import abouts, options
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.core.guards import GUARDS
from resq.measure.specs.cells import ACTIVATIONS

ENCODINGS = ("int8", "int8-symmetric", "int8-symmetric-tensor", "int8-magnitude", "int4", "int4-mse",
             "int4-tmr2", "fp32", "fp16", "bf16")  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("checkpoint", nargs="?", help="one checkpoint's whole card")


def run(arguments: argparse.Namespace) -> None:
    """Prints everything, or one card."""
    if arguments.checkpoint:
        _one(arguments)
        return
    inventory = everything()
    if arguments.json:
        print(options.dump(inventory))
        return
    for kind, rows in inventory.items():
        print(f"\n{kind.replace('_', ' ').upper()}")
        options.print_table([{k: _text(k, v) for k, v in row.items()} for row in rows])
    print(
        "\naccuracy, low, high: on the whole test split without flips or attack, and the 95 % interval over "
        "images (Wilson); recipes were compared by test accuracy, see a card's `selected`"
    )


def _one(arguments: argparse.Namespace) -> None:
    """Prints one card, and what the network takes in memory where its weights are here."""
    name = arguments.checkpoint
    if name in (lost := {row["name"]: row for row in without_weights()}):
        raise ResqError(
            f"{name} has {lost[name]['rows']} measured rows, of weights {lost[name]['sha256']}, "
            "and neither weights nor a card here; "
            f"python -m resq report {name} --out report.html shows the rows"
        )
    card, memory = checkpoints.unshipped().get(name), []
    if card is None:
        from resq.measure.engine import storage  # torch

        card, memory = checkpoints.card(name), storage.of_checkpoint(name)
    if arguments.json:
        print(options.dump({**card, "memory": memory}))
        return
    print(_card(card))
    if memory:
        print("\nstored bits a weight: of the words, of the scales, norms and biases beside them, in all")
        options.print_table([{k: _bits(v) for k, v in row.items()} for row in memory])
        print(f"\n{_copies(32 * memory[0]['numbers_beside'])}")


def _copies(n_bits: int) -> str:
    """How often single-precision numbers must be stored, rate by rate."""
    from resq.measure.engine.storage import copies

    needed = [f"{copies(n_bits, rate)} at BER {rate:g}" for rate in (1e-4, 1e-3, 1e-2, 5e-2, 1e-1)]
    return f"copies with which under 0.1 of the bits beside the words are read wrong: {', '.join(needed)}"


def _bits(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def without_weights() -> list[dict[str, Any]]:
    """Networks that shipped rows are of and that have neither weights nor a card here."""
    known = {*checkpoints.names(), *checkpoints.unshipped()}
    from resq.measure.analysis import asymmetry  # pandas
    from resq.measure.store import table

    rows = table.shipped_but(known)
    rows = rows[~rows["checkpoint"].isin(known) & ~asymmetry.later(rows["checkpoint"])]
    return [
        {"name": name, "rows": len(part), "sha256": ", ".join(sorted(part["weights"].unique()))}
        for name, part in rows.groupby("checkpoint")
    ]


def everything() -> dict[str, list[dict[str, Any]]]:
    """Kind -> one object per member."""
    return {
        "networks": _listed("resq.networks", "NETWORKS"),
        "data_sets": [
            {"name": name, "here": s.present(), "classes": len(s.classes), "about": s.about}
            for name, s in data.DATASETS.items()
        ],
        "encodings": [
            {"name": str(e), "code": e.code, "scales": e.per, "bits": e.bits, "stored_bits": e.memory([1])}
            for e in map(Encoding.parse, ENCODINGS)
        ],
        "word_guards": [{"name": name, "about": guard.about} for name, guard in GUARDS.items()],
        "faults": [
            *_listed("resq.memory.faults", "FAULTS"),
            {
                "name": ACTIVATIONS,
                "about": abouts.function("resq.measure.engine.activation_faults", "faulty"),
            },
        ],
        "attacks": _listed("resq.attacks.gradient", "ATTACKS"),
        "checkpoints": [_checkpoint(name, checkpoints.card(name)) for name in checkpoints.names()],
        "trained_but_not_shipped": [
            _checkpoint(name, card) for name, card in checkpoints.unshipped().items()
        ],
        "measured_without_weights_here": without_weights(),
    }


def _checkpoint(name: str, card: dict[str, Any]) -> dict[str, Any]:
    test = card.get("test", {})
    return {"name": name, "stored_as": test.get("encoding"), "accuracy": test.get("accuracy"),
            "low": test.get("low"), "high": test.get("high"), "n": test.get("n"),
            "epochs": card.get("epochs"), "sha256": card["sha256"][:16]}  # fmt: skip


def _listed(module: str, name: str) -> list[dict[str, str]]:
    return [{"name": key, "about": about} for key, about in abouts.registry(module, name).items()]


def _text(key: str, value: Any) -> str:
    if value is None:
        return "not measured"
    if key in ("accuracy", "low", "high"):
        return options.percent(value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _card(card: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in card.items() if key != "weights")
