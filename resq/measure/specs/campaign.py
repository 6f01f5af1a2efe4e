"""A campaign: many networks, encodings, faults, rates, attacks and seeds, as independent cells."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from itertools import product
from pathlib import Path
from typing import Any

from resq import checkpoints
from resq.core import validation
from resq.core.errors import ResqError
from resq.measure.specs.cells import MODES, Cell
from resq.measure.specs.sweep_spec import SweepSpec

# Field -> the field of SweepSpec of which it lists values.
LISTED = {"checkpoints": "checkpoint", "encodings": "encoding", "faults": "fault", "attacks": "attack",
          "seeds": "seed"}  # fmt: skip


@dataclass(frozen=True)
class CampaignSpec:
    """Every checkpoint in every encoding under every fault model and attack, for every seed.

    Attributes:
        modes: "none", rates and budgets each apart; "transfer" and "adaptive", every rate under every budget
            at once (see ``cells.Cell``).
        half: half-width of the 95 % interval over maps, 0..1, at which each series of maps stops by
            ``stopping_rule.enough``, with ``maps`` as the most; 0: all maps are measured.
        n, maps, steps, restarts, layers, planes, sample, top, precision, data, targets, inputs: as in
            SweepSpec.
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
    precision: str = "fp32"
    half: float = 0.0
    targets: str = "weights"
    inputs: str = ""

    def __post_init__(self) -> None:
        validation.check_types(self, "campaign")
        for name in (*LISTED, "modes"):
            if not getattr(self, name):
                raise ResqError(f"a campaign needs at least one of {name}, got none")
        unknown = [mode for mode in self.modes if mode not in ("none", *MODES)]
        if unknown:
            raise ResqError(f"no mode {unknown[0]!r}; known: none, {', '.join(MODES)}")
        if not 0 <= self.half < 0.5:
            raise ResqError(f"half is a half-width, at least 0 (all maps) and under 0.5, got {self.half:g}")
        if not self.bers and not self.eps:
            raise ResqError("a campaign needs bers or eps, got neither")
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
        fields = asdict(self)
        for name in ("targets", "inputs"):
            if fields[name] == getattr(CampaignSpec, name):
                del fields[name]  # what was begun before there were others keeps its hash
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]

    def toml(self) -> str:
        """The campaign as a TOML file; defaults are left out."""
        values = {f.name: getattr(self, f.name) for f in fields_of(self)}
        lines = [
            f"{f.name} = {_toml(values[f.name])}" for f in fields_of(self) if values[f.name] != f.default
        ]
        return "\n".join(lines) + "\n"


def _names(of: type) -> set[str]:
    return {field.name for field in fields_of(of)}


def _toml(value: object) -> str:
    """Numbers, strings and lists of them are written in TOML as in JSON."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def parse(text: str, name: str = "the campaign") -> CampaignSpec:
    """The campaign of a TOML text; "cifar10/*" among its checkpoints stands for all of that form.

    Raises:
        ValueError: not TOML, an unknown field, a pattern that fits no checkpoint, a value out of range; the
            sentence names it.
    """
    entries, names = (
        validation.parse_toml(text, f"{name} is not readable TOML"),
        [f.name for f in fields_of(CampaignSpec)],
    )
    validation.reject_unknown(entries, names, name, "a campaign")
    if "checkpoints" not in entries:
        raise ResqError(f"{name} names no checkpoints; a campaign has {', '.join(names)}")
    meant = {
        f.name: _expand(entries[f.name], str(f.type)) for f in fields_of(CampaignSpec) if f.name in entries
    }
    try:
        return CampaignSpec(**{**meant, "checkpoints": _all(meant["checkpoints"])})
    except ValueError as error:
        raise ResqError(f"{name}: {error}") from None


def _all(names: tuple[Any, ...]) -> tuple[Any, ...]:
    """Checkpoints, each pattern replaced by those on this machine that it fits.

    Raises:
        ValueError: one fits none.
    """
    names_found: list[Any] = []
    for name in names:
        fits = fnmatch.filter(checkpoints.names(), name) if isinstance(name, str) and "*" in name else [name]
        if not fits:
            raise ResqError(f"no checkpoint fits {name!r}; known: {', '.join(checkpoints.names()) or 'none'}")
        names_found += fits
    return tuple(dict.fromkeys(names_found))


def _expand(value: object, kind: str) -> Any:
    """A list as a tuple, one value for a list of one, a whole number for a float."""
    if kind.startswith("tuple"):
        return tuple(value) if isinstance(value, list) else (value,)
    return float(value) if kind == "float" and type(value) is int and abs(value) < 2**63 else value


def read(file: Path) -> CampaignSpec:
    """The campaign of a TOML file.

    Raises:
        ValueError: no such file, or as ``parse`` says.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResqError(f"{file} cannot be read: {error}") from None
    return parse(text, file.name)
