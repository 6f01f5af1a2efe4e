"""Tables as people read them: percent, few digits, plain headings. No streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dashboard.format import encodings
from resq.claims.points import Cell


def measured_again(stored: Cell, fresh: Sequence[Cell]) -> pd.DataFrame:
    """A stored cell and the same measured again, the latest first, as a table for people."""
    cells = {"stored": stored} | {f"again {i}" if i > 1 else "again": c for i, c in enumerate(fresh, 1)}
    percents = {"accuracy %": "mean", "95 % low": "low", "95 % high": "high",
                "over maps alone, low": "map_low", "over maps alone, high": "map_high"}  # fmt: skip
    beside = ("maps", "n", "seed", "weights", "images", "code")
    return pd.DataFrame(
        {"measured": list(cells)}
        | {head: [round(100 * getattr(cell, name), 2) for cell in cells.values()]
           for head, name in percents.items()}
        | {name: [getattr(cell, name) for cell in cells.values()] for name in beside}
    )  # fmt: skip


def curves(lines: pd.DataFrame, name: str, counted: str = "accuracy") -> pd.DataFrame:
    """The lines of a curve as a table for people; 95 % intervals over maps and images together.

    Where nothing is random but the images, without faults or under an attack, they are Wilson's over them.
    """
    still = (lines["x"] == 0) | (name == "eps")
    low, high = (lines[end].where(~still, lines[f"image_{end}"]) for end in ("low", "high"))
    columns = {
        "network": lines["checkpoint"],
        "stored as": encodings.column(lines["encoding"]),
        "eps / 255" if name == "eps" else "BER": lines["x"],
        f"{counted} %": (100 * lines["mean"]).round(2),
        "95 % low": (100 * low).round(2),
        "95 % high": (100 * high).round(2),
    }
    if name == "ber":
        columns |= {
            "over maps alone, low": (100 * lines["map_low"]).round(2),
            "over maps alone, high": (100 * lines["map_high"]).round(2),
            "worst map %": (100 * lines["least"]).round(2),
            "maps": lines["maps"],
            "maps drawn at": lines["top"],
            "flips": lines["flips"],
        }
    columns |= {key: lines[key] for key in ("n", "seed", "weights", "images", "code")}
    return pd.DataFrame(columns | encodings.exact(lines["encoding"]))


def protected(points: pd.DataFrame) -> pd.DataFrame:
    """The points of ``mixed_encoding.points`` as a table for people."""
    columns = {
        "stored as": encodings.column(points["encoding"]),
        "layers protected": points["layers"],
        "of the weights %": (100 * points["share"]).round(1),
        "BER": points["ber"],
        "accuracy %": (100 * points["mean"]).round(2),
        "95 % low": (100 * points["low"]).round(2),
        "95 % high": (100 * points["high"]).round(2),
    }
    columns |= {key: points[key] for key in ("maps", "n", "seed", "weights", "images")}
    return pd.DataFrame(columns | encodings.exact(points["encoding"]))


def copies(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines of ``mixed_encoding.copies`` as a table for people."""
    columns = {
        "stored as": encodings.column(lines["encoding"]),
        "stored bits per weight": lines["memory"].round(3),
        "layers several times": lines["layers"],
    }
    return pd.DataFrame(columns | dict(protected(lines).drop(columns=["stored as", "layers protected"])))


def cells(lines: pd.DataFrame) -> pd.DataFrame:
    """The cells of a surface as a table for people."""
    columns = {
        "BER": lines["ber"],
        "eps / 255": lines["eps"],
        "accuracy %": (100 * lines["mean"]).round(2),
        "95 % low": (100 * lines["low"]).round(2),
        "95 % high": (100 * lines["high"]).round(2),
        "worst map %": (100 * lines["least"]).round(2),
    }
    return pd.DataFrame(
        columns | {key: lines[key] for key in ("maps", "n", "seed", "weights", "images", "code")}
    )


def areas(lines: pd.DataFrame) -> pd.DataFrame:
    """Both resistances of networks as a table for people."""
    percent = {"faults": "resists faults %", "attack": "resists attack %", "clean": "clean %"}
    columns = {name: (100 * lines[key]).round(2) for key, name in percent.items()}
    names = {
        "network": lines["checkpoint"],
        "stored as": encodings.column(lines["encoding"]),
        "seed": lines["seed"],
    }
    rest = {"MB": lines["megabytes"].round(3), "fewest images": lines["n"],
            "images of clean": lines["clean_n"], "weights": lines["weights"]}  # fmt: skip
    points = {"BERs": lines["bers"].map(str), "budgets / 255": lines["budgets"].map(str)}
    points |= {"PGD steps": lines["steps"], "starts": lines["restarts"]}
    return pd.DataFrame(names | columns | rest | points | encodings.exact(lines["encoding"]))


def looks(lines: pd.DataFrame) -> pd.DataFrame:
    """Before and after each stage as a table for people."""
    percent = {"clean": "clean %", "faulty": "under faults %", "attacked": "under attack %"}
    columns = {name: (100 * lines[key]).round(2) for key, name in percent.items()}
    names = {
        "after": lines["after"],
        "stored as": encodings.column(lines["encoding"]),
        "bits a weight": lines["bits"],
    }
    conditions = {"BER": "rate", "maps": "maps", "eps / 255": "eps", "PGD steps": "steps",
                  "PGD starts": "starts", "images": "n", "images attacked": "n_attacked",
                  "seed": "seed"}  # fmt: skip
    how = {name: lines[key] for name, key in conditions.items()}
    return pd.DataFrame(names | columns | how | encodings.exact(lines["encoding"]))


def film(counts: np.ndarray, bers: Sequence[float]) -> pd.DataFrame:
    """Flips of each bit plane (rates, bits) as a table for people, the top bit first."""
    bits = range(counts.shape[1] - 1, -1, -1)
    return pd.DataFrame({"BER": list(bers)} | {f"bit {b}": counts[:, b] for b in bits})


def answers(classes: Sequence[str], columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """How sure a network is of each class, one column per answer, as a table for people."""
    return pd.DataFrame({"class": list(classes)} | {k: (100 * p).round(3) for k, p in columns.items()})


def trace(changes: Mapping[str, float]) -> pd.DataFrame:
    """How far each layer's output is moved, in order of computation."""
    names = [name.removesuffix(".weight") for name in changes]
    return pd.DataFrame({"layer": names, "relative change": list(changes.values())})


def histogram(edges: np.ndarray, counts: Mapping[str, np.ndarray | None]) -> pd.DataFrame:
    """Weights per bin as a table for people; bins that are empty throughout are left out."""
    known = {name: values for name, values in counts.items() if values is not None}
    bins = pd.DataFrame({"from": edges[:-1], "to": edges[1:]} | known)
    return bins[bins[list(known)].any(axis=1)]
