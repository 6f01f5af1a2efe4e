"""A card: one network by the fixed protocol, a JSON file and its rows, that others can check and load."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from resq import __version__
from resq.core import paths
from resq.core.errors import ResqError
from resq.measure.analysis import areas
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import carry, table

PROTOCOL = "resq-card-2"  # raised when the cells below change: cards of other protocols are not comparable
FULL, QUICK = (1000, 10), (100, 2)  # images, fault maps
GUARDED = 500  # images at most, of the guards: fewer are not judged
ABSENT = "not measured: the package pyautoattack is not installed"


def protocol(
    checkpoint: str, encoding: str = "int8", n: int = FULL[0], maps: int = FULL[1], test: int | None = None
) -> list[SweepSpec]:
    """The cells of the protocol: clean, seven rates and a far one, PGD with five starts, AutoAttack.

    Args:
        test: images of the whole test set, for the clean accuracy; None leaves that cell out.
    """
    shared: dict[str, Any] = {"checkpoint": checkpoint, "encoding": encoding}
    clean = [SweepSpec(**shared, bers=(0.0,), n=test)] if test else []
    auto = [SweepSpec(**shared, attack="autoattack", eps=(8.0,), n=n)] if attacks() else []
    return [
        *clean,
        SweepSpec(**shared, bers=(0.0, *areas.BERS, 5e-2), maps=maps, n=n),
        SweepSpec(**shared, eps=areas.EPS, steps=20, restarts=5, n=n),
        *auto,
    ]


def guarded(checkpoint: str, encoding: str = "int8", n: int = FULL[0]) -> SweepSpec:
    """What the guards are measured under: PGD with 20 steps at 8/255."""
    return SweepSpec(checkpoint, encoding=encoding, eps=(8.0,), steps=20, n=min(n, GUARDED))


def attacks() -> bool:
    """Whether the optional package of AutoAttack is installed."""
    return importlib.util.find_spec("pyautoattack") is not None


def folder(kind: str = "own") -> Path:
    """Where cards lie: "own", made here; "others", loaded."""
    return paths.work() / "cards" / kind


def write(
    rows: Iterable[Mapping[str, Any]], guards: Mapping[str, Any] | None = None, kind: str = "own"
) -> Path:
    """Writes the card of these rows and the rows beside it; the card's file.

    Args:
        guards: what ``python -m resq guards --json`` prints.

    Raises:
        ValueError: the rows are of several networks or encodings.
    """
    frame = table.frame(rows)
    mixed = [c for c in ("checkpoint", "encoding", "weights") if frame[c].nunique() != 1]
    if mixed:
        raise ResqError(f"a card is of one {mixed[0]}, got {frame[mixed[0]].nunique()}")
    first = frame.iloc[0]
    name = f"{first['checkpoint']}-{first['encoding']}".replace("/", "-").replace("\\", "-")
    file = folder(kind) / f"{name}.json"
    table.write(frame, file.with_suffix(".parquet"))
    fields = {
        "card": PROTOCOL,
        "resq": __version__,
        **{k: first[k] for k in ("checkpoint", "network", "data", "encoding", "weights", "code")},
        "n": int(frame["n"].min()),
        "maps": int(frame["map"].max()) + 1,
        "autoattack": "measured" if frame["attack"].eq("autoattack").any() else ABSENT,
        "guards": dict(guards or {}),
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
        raise ResqError(f"{file.name} is not a readable card: {error}") from None
    if not isinstance(fields, dict):
        raise ResqError(f"{file.name} is no card: expected a JSON object, got a {type(fields).__name__}")
    lacking = [k for k in ("card", "sha256", "weights", "checkpoint", "encoding") if k not in fields]
    if lacking or fields["card"] != PROTOCOL:
        raise ResqError(f"{file.name} is no card of {PROTOCOL}: {', '.join(lacking) or fields.get('card')}")
    if not all(isinstance(guard, Mapping) and {"name", "verdict"} <= set(guard) for guard in listed(fields)):
        raise ResqError(f"{file.name} names its guards in a way of its own")
    beside = file.with_suffix(".parquet")
    if not beside.is_file():
        raise ResqError(
            f"{beside.name} is missing beside {file.name}: a card without its rows proves nothing"
        )
    digest = hashlib.sha256(beside.read_bytes()).hexdigest()
    if digest != fields["sha256"]:
        raise ResqError(
            f"{beside.name} was altered: SHA-256 {digest[:16]}…, its card says {fields['sha256'][:16]}…"
        )
    rows = table.read(beside)
    if set(rows["weights"]) != {fields["weights"]} or set(rows["checkpoint"]) != {fields["checkpoint"]}:
        raise ResqError(f"{beside.name} holds rows of other weights than {file.name} names")
    return fields, rows


def listed(fields: Mapping[str, Any]) -> list[Any]:
    """The guards of a card; empty where none were measured."""
    about = fields.get("guards")
    checks = about.get("guards") if isinstance(about, Mapping) else None
    return checks if isinstance(checks, list) else []


def load(file: Path) -> Path:
    """Takes another's card in, checked; it stands on the leaderboard as quoted."""
    read(file)
    folder("others").mkdir(parents=True, exist_ok=True)
    for source in (file, file.with_suffix(".parquet")):
        shutil.copyfile(source, folder("others") / source.name)
    return folder("others") / file.name


def rows(kind: str) -> pd.DataFrame:
    """The rows of all cards of a kind; those that cannot be read are left out."""
    tables = []
    for file in sorted(folder(kind).glob("*.json")):
        try:
            tables.append(read(file)[1])
        except ResqError:
            continue  # verify by `python -m resq card FILE`, which names what is wrong
    if not tables:
        return table.frame([])
    return carry.current(table.drop_repeated(pd.concat(tables, ignore_index=True)))
