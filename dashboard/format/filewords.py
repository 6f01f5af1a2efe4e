"""Sentences and tables about a deployed file, of what ``python -m resq inspect`` says. No streamlit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.format import numbers

KINDS = {
    "weights": "weights",
    "biases": "biases",
    "scales": "scales and zero points",
    "norms": "norm parameters",
    "other": "other constants",
}
TARGETS = ("weights", "biases", "scales", "norms", "all")
LONGEST = 20  # letters of a tensor's name in figures
WHY = (
    "These are the words of the file itself, and its own runtime answers. The curve of a checkpoint stored "
    "by this lab is of other words where the lab rounds the weights with other scales, zero points or codes: "
    "then the same bit of the same weight counts for something else, and the curve is another one. Only an "
    "encoding with the very words of the file has the same curve, within both intervals."
)


def headline(about: Mapping[str, Any]) -> str:
    """The file in one line."""
    bits = sum(kind["bits"] for kind in about["targets"].values())
    weights = about["targets"]["weights"]
    return (
        f"{CARRIERS.get(about['carrier'], about['carrier'])} file of {about['bytes']:,} bytes, SHA-256 "
        f"{about['sha256']}…: {weights['tensors']} weight tensors, {weights['words']:,} weights; "
        f"{bits:,} stored bits of all kinds."
    )


CARRIERS = {"tflite": "A TFLite", "onnx": "An ONNX", "pt2": "A torch.export"}


def ends(about: Mapping[str, Any]) -> str:
    """Input and output in words."""
    taken, output = about["input"], about["output"]
    pixels = taken["pixels"] if known(about) else "not known, see below"
    return (
        f"Takes {_tensor(taken)}; pixels: {pixels}. Gives {_tensor(output)}: "
        f"{output['classes'] or 'an unknown number of'} classes."
    )


def _tensor(end: Mapping[str, Any]) -> str:
    scale = f", scale {end['scale']:g}, zero point {end['zero_point']}" if end["scale"] else ""
    shape = " x ".join("any" if size < 1 else str(size) for size in end["shape"])
    return f"{end['dtype']} of {shape}{scale}"


def known(about: Mapping[str, Any]) -> bool:
    """Whether it is known how pixels become the input."""
    return not str(about["input"]["pixels"]).startswith("not known")


# The fields of the pages' box, and what ``python -m resq`` calls them.
FIELDS = {"range": "Black and white become", "mean": "Mean, then subtracted", "std": "Then divided by"}


def unsaid(about: Mapping[str, Any]) -> str:
    """What a file does not say of its pixels, and which fields of the page say it instead of options.

    >>> print(unsaid({"input": {"pixels": "not known: a.onnx does not say it; say --range 0..1"}})[:66])
    a.onnx does not say it. Open “Input” above and say it: choose what
    """
    lacking = str(about["input"]["pixels"]).removeprefix("not known: ").partition("; say ")[0]
    return (
        f"{lacking}. Open “Input” above and say it: choose what “{FIELDS['range']}”, or, of pixels in 0..1, "
        f"fill in “{FIELDS['mean']}” and “{FIELDS['std']}”."
    )


def in_fields(text: str) -> str:
    """A sentence of a command with the fields of the page instead of the options that they stand for.

    >>> in_fields("98.80 % with --range=0..1")
    '98.80 % with “Black and white become” 0..1'
    """
    return re.sub(rf"--({'|'.join(FIELDS)})(?![\w-])[= ]?", lambda option: f"“{FIELDS[option[1]]}” ", text)


def misfit(about: Mapping[str, Any], images: str, classes: int) -> str:
    """Why these images, of so many classes, are not the file's; "" where they may be."""
    own = about["output"]["classes"]
    if not own or own == classes:
        return ""
    return f"The file tells {own} classes apart; {images} has {classes}. Choose other images."


def targets(counts: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The stored bits of each kind as a table for people."""
    return pd.DataFrame(
        {
            "kind": [KINDS[kind] for kind in counts],
            **{name: [int(of[name]) for of in counts.values()] for name in ("tensors", "words", "bits")},
        }
    )


def layers(about: Mapping[str, Any]) -> pd.DataFrame:
    """The stored tensors as a table for people, in the order of the graph."""
    return pd.DataFrame([_layer(layer) for layer in about["layers"]])


def _layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    scale = ""
    if layer["scales"]:
        low, high = (_number(layer[name], 3) for name in ("least_scale", "greatest_scale"))
        scale = low if layer["scales"] == 1 else f"{low} to {high}, one per index of axis {layer['axis']}"
    return {
        "tensor": layer["name"],
        "kind": KINDS[layer["kind"]],
        "words": layer["words"],
        "dtype": layer["dtype"],
        "shape": " x ".join(map(str, layer["shape"])) or "one",
        "range": f"{_number(layer['least'])} to {_number(layer['greatest'])}",
        "scale": scale,
        "bits": layer["bits"],
        "read by": layer["operator"],
        "byte in the file": layer["byte"] if layer["byte"] >= 0 else None,
    }


def _number(value: float | None, digits: int = 6) -> str:
    return "not a number" if value is None else f"{value:.{digits}g}"


def labels(names: Sequence[str], longest: int = LONGEST) -> dict[str, str]:
    """Tensor names as figures can show them: short, all different, and drawing nothing.

    >>> labels(["<b>x</b>", "y"])
    {'<b>x</b>': '(b)x(/b)', 'y': 'y'}
    """
    short_names: dict[str, str] = {}
    for name in names:
        clean = "".join(c if c.isprintable() else "?" for c in name).replace("<", "(").replace(">", ")")
        short = clean if len(clean) <= longest else f"{clean[: longest // 2 - 1]}…{clean[-(longest // 2) :]}"
        taken = set(short_names.values())
        short_names[name] = next(
            s for i in range(len(names) + 1) if (s := f"{short} ({i + 1})" if i else short) not in taken
        )
    return short_names


def ran(check: Mapping[str, Any]) -> str:
    """The runtime, the way and what the canary found, in words."""
    per = check["seconds_per_map"][check["way"]]
    unread = check["unread"]
    lost = f" It never computes with {len(unread)} of them: {', '.join(unread)[:200]}." if unread else ""
    count = check.get("threads", 1)
    threads = "one thread" if count == 1 else f"{count} threads"
    return (
        f"Run by {check['runtime']}; flips reach it by “{check['way']}”, images go in batches of "
        f"{check['batch']} on {threads}; a fault map on {check['images']} images takes "
        f"{1000 * per:.0f} ms here. Flips in every weight tensor change its answers, and undoing them brings "
        f"the answers back bit for bit.{lost}"
        + "".join(f" {note[0].upper()}{in_fields(note)[1:]}." for note in check.get("notes", ()))
    )


def seconds(check: Mapping[str, Any], rows: int, n: int, tensors: float = 1.0) -> float:
    """What a measurement of so many rows costs on this machine, from what one fault map took.

    Args:
        tensors: how many tensors are looked at first, in those that the check looked at.
    """
    per = check["seconds_per_map"][check["way"]] / check["images"]
    return 3.0 + float(check["seconds"]) * tensors + rows * n * per


def cost(seconds: float, rows: int) -> str:
    """The price before the click."""
    return (
        f"{rows} rows, about {numbers.duration(seconds)} on this machine as it was when the file was checked."
    )


def differs(card: Mapping[str, Any]) -> str:
    """How many words each of the lab's encodings changes, by an import's card; "" where it is silent."""
    codes = card.get("codes") or {}
    n_words, parts = codes.get("words", 0), []
    whose = "to which the file rounds its floats" if codes.get("rounded") else "of the file"
    for name, n in codes.get("differ", {}).items():
        parts.append(
            f"{name} changes {numbers.percent(n / n_words)} of them"
            if n
            else f"{name} has the very words {whose}"
        )
    return f"Of the {n_words:,} words: {'; '.join(parts)}." if parts else ""
