"""A card: one network by the fixed protocol, a JSON file and its rows, that others can check and load."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from resq import __version__, checkpoints
from resq.measure import areas, table
from resq.measure.spec import SweepSpec

PROTOCOL = "resq-card-1"  # raised when the cells below change: cards of other protocols are not comparable
SIZES = {"full": (1000, 10), "quick": (100, 2)}  # images, fault maps


def protocol(
    checkpoint: str, encoding: str = "int8", size: str = "full", test: int | None = None
) -> list[SweepSpec]:
    """The cells of the protocol: clean on ``test`` images, seven rates and a far one, PGD with five starts.

    Args:
        test: images of the whole test set; None leaves that cell out.
    """
    n, maps = SIZES[size]
    shared = {"checkpoint": checkpoint, "encoding": encoding}
    clean = [SweepSpec(**shared, bers=(0.0,), n=test)] if test else []  # type: ignore[arg-type]
    return [
        *clean,
        SweepSpec(**shared, bers=(0.0, *areas.BERS, 5e-2), maps=maps, n=n),  # type: ignore[arg-type]
        SweepSpec(**shared, eps=areas.EPS, steps=20, restarts=5, n=n),  # type: ignore[arg-type]
    ]


def folder(kind: str = "own") -> Path:
    """Where cards lie: "own", made here; "others", loaded."""
    return checkpoints.work() / "cards" / kind


def write(rows: Iterable[Mapping[str, Any]], size: str, kind: str = "own") -> Path:
    """Writes the card of these rows and the rows beside it; the card's file.

    Raises:
        ValueError: the rows are of several networks or encodings.
    """
    frame = table.frame(rows)
    mixed = [c for c in ("checkpoint", "encoding", "weights") if frame[c].nunique() != 1]
    if mixed:
        raise ValueError(f"a card is of one {mixed[0]}, got {frame[mixed[0]].nunique()}")
    first = frame.iloc[0]
    name = f"{first['checkpoint']}-{first['encoding']}".replace("/", "-").replace("\\", "-")
    file = folder(kind) / f"{name}.json"
    table.write(frame, file.with_suffix(".parquet"))
    fields = {
        "card": PROTOCOL,
        "size": size,
        "resq": __version__,
        **{k: first[k] for k in ("checkpoint", "network", "data", "encoding", "weights", "code")},
        "rows": len(frame),
        "sha256": hashlib.sha256(file.with_suffix(".parquet").read_bytes()).hexdigest(),
    }
    file.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    return file


def read(file: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """A card and its rows, hashes checked.

    Raises:
        ValueError: not a card, its rows missing or altered, or rows of other weights than it names.
    """
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file.name} is not a readable card: {error}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"{file.name} is no card: expected a JSON object, got a {type(fields).__name__}")
    lacking = [k for k in ("card", "sha256", "weights", "checkpoint", "encoding") if k not in fields]
    if lacking or fields["card"] != PROTOCOL:
        raise ValueError(f"{file.name} is no card of {PROTOCOL}: {', '.join(lacking) or fields.get('card')}")
    beside = file.with_suffix(".parquet")
    if not beside.is_file():
        raise ValueError(
            f"{beside.name} is missing beside {file.name}: a card without its rows proves nothing"
        )
    found = hashlib.sha256(beside.read_bytes()).hexdigest()
    if found != fields["sha256"]:
        raise ValueError(
            f"{beside.name} was altered: SHA-256 {found[:16]}…, its card says {fields['sha256'][:16]}…"
        )
    rows = table.read(beside)
    if set(rows["weights"]) != {fields["weights"]} or set(rows["checkpoint"]) != {fields["checkpoint"]}:
        raise ValueError(f"{beside.name} holds rows of other weights than {file.name} names")
    return fields, rows


def load(file: Path) -> Path:
    """Takes another's card in, checked; it stands on the leaderboard as quoted."""
    read(file)
    folder("others").mkdir(parents=True, exist_ok=True)
    for source in (file, file.with_suffix(".parquet")):
        shutil.copyfile(source, folder("others") / source.name)
    return folder("others") / file.name


def rows(kind: str) -> pd.DataFrame:
    """The rows of all cards of a kind; those that cannot be read are left out."""
    found = []
    for file in sorted(folder(kind).glob("*.json")):
        try:
            found.append(read(file)[1])
        except ValueError:
            continue  # verify by `python -m resq card FILE`, which names what is wrong
    return pd.concat(found, ignore_index=True) if found else table.frame([])
