"""A campaign: many networks, encodings, faults, rates, attacks and seeds, as independent cells."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path

from resq.measure.cells import MODES, Cell
from resq.measure.spec import SweepSpec

# Field -> the field of SweepSpec of which it lists values.
LISTED = {"checkpoints": "checkpoint", "encodings": "encoding", "faults": "fault", "attacks": "attack",
          "seeds": "seed"}  # fmt: skip


@dataclass(frozen=True)
class CampaignSpec:
    """Every checkpoint in every encoding under every fault model and attack, for every seed.

    Attributes:
        modes: "none", rates and budgets each apart; "transfer" and "adaptive", every rate under every budget
            at once (see ``cells.Cell``).
        n, maps, steps, restarts, layers, planes, sample, top, data: as in SweepSpec.
    """

    checkpoints: tuple[str, ...]
    data: str = ""
    encodings: tuple[str, ...] = ("int8",)
    faults: tuple[str, ...] = ("random",)
    layers: tuple[str, ...] = ()
    planes: tuple[int, ...] = ()
    bers: tuple[float, ...] = ()
    maps: int = 10
    attacks: tuple[str, ...] = ("pgd",)
    eps: tuple[float, ...] = ()
    steps: int = 20
    restarts: int = 1
    modes: tuple[str, ...] = ("none",)
    sample: str = "first"
    seeds: tuple[int, ...] = (0,)
    n: int = 1000
    top: float = 0.0

    def __post_init__(self) -> None:
        for name in (*LISTED, "modes"):
            if not getattr(self, name):
                raise ValueError(f"a campaign needs at least one of {name}, got none")
        unknown = [mode for mode in self.modes if mode not in ("none", *MODES)]
        if unknown:
            raise ValueError(f"no mode {unknown[0]!r}; known: none, {', '.join(MODES)}")
        if not self.bers and not self.eps:
            raise ValueError("a campaign needs bers or eps, got neither")
        for _ in self.sweeps():
            pass  # each of them checks itself

    def sweeps(self) -> Iterator[SweepSpec]:
        """The campaign as sweeps: one for each checkpoint, encoding, fault model, attack and seed."""
        same = {n: getattr(self, n) for n in _names(SweepSpec) if n in _names(CampaignSpec) and n != "modes"}
        both = tuple(mode for mode in self.modes if mode != "none")
        parts = [()] * ("none" in self.modes) + [both] * bool(both)
        lists = [getattr(self, name) for name in LISTED]
        for *values, modes in product(*lists, parts):
            yield SweepSpec(**dict(zip(LISTED.values(), values, strict=True)), **same, modes=modes)

    def cells(self) -> list[Cell]:
        """The cells, each once, neighbours sharing network, map and images."""
        return list(dict.fromkeys(cell for sweep in self.sweeps() for cell in sweep.cells()))

    @property
    def hash(self) -> str:
        """16 hex digits that change with any field."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def toml(self) -> str:
        """The campaign as a TOML file; defaults are left out."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        lines = [f"{f.name} = {_toml(given[f.name])}" for f in fields(self) if given[f.name] != f.default]
        return "\n".join(lines) + "\n"


def _names(of: type) -> set[str]:
    return {field.name for field in fields(of)}


def _toml(value: object) -> str:
    """Numbers, strings and lists of them are written in TOML as in JSON."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def parse(text: str, name: str = "the campaign") -> CampaignSpec:
    """The campaign of a TOML text.

    Raises:
        ValueError: not TOML, an unknown field, or a value out of range; the sentence names it.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name} is not readable TOML: {error}") from None
    names = [field.name for field in fields(CampaignSpec)]
    unknown = sorted(set(given) - set(names))
    if unknown or "checkpoints" not in given:
        said = f"has {', '.join(unknown)}" if unknown else "names no checkpoints"
        raise ValueError(f"{name} {said}; a campaign has {', '.join(names)}")
    for field in fields(CampaignSpec):
        if field.name in given:
            given[field.name] = _typed(name, field.name, given[field.name], field.default)
    return CampaignSpec(**given)


KINDS = {"bers": (int, float), "eps": (int, float), "planes": (int,), "seeds": (int,)}  # others list words


def _typed(file: str, name: str, value: object, default: object) -> object:
    """A value of the kind that the field has."""
    if isinstance(default, tuple) or name == "checkpoints":
        items = tuple(value) if isinstance(value, list) else (value,)
        wrong = [item for item in items if not isinstance(item, KINDS.get(name, (str,)))]
        if wrong:
            raise ValueError(f"{file}: {name} cannot hold {wrong[0]!r}")
        return items
    if isinstance(default, float) and isinstance(value, int):
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"{file}: {name} is a {type(default).__name__}, got {value!r}")
    return value


def read(file: Path) -> CampaignSpec:
    """The campaign of a TOML file.

    Raises:
        ValueError: no such file, or as ``parse`` says.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    return parse(text, file.name)
