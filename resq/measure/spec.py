"""What decides the numbers of a sweep: one frozen value, self-checking, that a command line can spell."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path

from resq.core import Encoding, known
from resq.memory import faults

ATTACKS = ("fgsm", "pgd", "apgd", "autoattack")  # names only: spelling a spec needs no torch
MODES = ("transfer", "adaptive")


@dataclass(frozen=True)
class SweepSpec:
    """One network against bit error rates and attack budgets, each apart or, with ``modes``, both at once.

    Attributes:
        checkpoint: name or path; ``data`` is the data set it was trained on unless another is named.
        layers, planes: where bits may flip; empty means everywhere.
        bers: bit error rates, probabilities per stored bit.
        maps: fault maps, each nested over all rates.
        eps: attack budgets in 1/255 of the pixel range.
        steps, restarts: of PGD; the other attacks have their own.
        modes: how faults and attack meet: "transfer", examples made on the fault-free network; "adaptive",
            made on every faulty one. None: they do not, and the two are measured apart.
        n: the first n test images.
        seed: decides fault maps and random starts, and nothing else.
    """

    checkpoint: str
    data: str = ""
    encoding: str = "int8"
    fault: str = "random"
    layers: tuple[str, ...] = ()
    planes: tuple[int, ...] = ()
    bers: tuple[float, ...] = ()
    maps: int = 10
    attack: str = "pgd"
    eps: tuple[float, ...] = ()
    steps: int = 20
    restarts: int = 1
    modes: tuple[str, ...] = ()
    n: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        Encoding.parse(self.encoding)
        known("fault model", self.fault, faults.FAULTS)
        known("attack", self.attack, dict.fromkeys(ATTACKS))
        for mode in self.modes:
            known("mode", mode, dict.fromkeys(MODES))
        for ber in self.bers:
            faults.check_rate(ber)
        for eps in self.eps:
            if not 0 <= eps <= 255:
                raise ValueError(f"eps is given in 1/255 and must lie in 0..255, got {eps:g}")
        for name in ("maps", "steps", "restarts", "n"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.modes and not (self.bers and self.eps):
            raise ValueError(f"both at once need rates and budgets, got {self.bers or 'no BER'} and "
                             f"{self.eps or 'no eps'}")  # fmt: skip
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must lie in 0..2**63-1, got {self.seed}")
        # Order and repetition do not change what is measured, so they do not change the spec.
        object.__setattr__(self, "bers", tuple(sorted(set(self.bers))))
        object.__setattr__(self, "eps", tuple(sorted(set(self.eps))))
        object.__setattr__(self, "planes", tuple(sorted(set(self.planes))))
        object.__setattr__(self, "modes", tuple(m for m in MODES if m in self.modes))

    @property
    def dataset(self) -> str:
        """The data set: the one named, else the first part of the checkpoint's name."""
        return self.data or self.checkpoint.split("/")[0]

    @property
    def region(self) -> str:
        """Where bits may flip, in words for a table."""
        parts = [*self.layers, *(f"bit {p}" for p in self.planes)]
        return ", ".join(parts) or "all"

    @property
    def total(self) -> int:
        """How many rows the sweep has."""
        faulty = sum(1 if ber == 0 else self.maps for ber in self.bers)
        return len(self.modes) * len(self.eps) * faulty if self.modes else faulty + len(self.eps)

    @property
    def hash(self) -> str:
        """16 hex digits that change with any field."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that run this sweep; defaults are left out."""
        words = ["sweep", self.checkpoint]
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if value != field.default:
                text = (
                    ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value)
                    if isinstance(value, tuple)
                    else str(value)
                )
                words += [f"--{_FLAGS.get(field.name, field.name)}", text]
        return words


_FLAGS = {"bers": "ber", "modes": "mode"}
_LISTS = {"layers", "planes", "bers", "eps", "modes"}


def read(file: Path) -> list[SweepSpec]:
    """The sweeps of a TOML file: the fields of SweepSpec, several values meaning one sweep for each.

    Raises:
        ValueError: not TOML, an unknown field, or a value out of range; the sentence names it.
    """
    try:
        given = tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a readable TOML file of sweeps: {error}") from None
    names = [field.name for field in fields(SweepSpec)]
    unknown = sorted(set(given) - set(names))
    if unknown or "checkpoint" not in given:
        said = f"has {', '.join(unknown)}" if unknown else "names no checkpoint"
        raise ValueError(f"{file.name} {said}; a sweep has {', '.join(names)}")
    choices = [
        [tuple(value)] if name in _LISTS else value if isinstance(value, list) else [value]
        for name, value in given.items()
    ]
    return [SweepSpec(**dict(zip(given, values, strict=True))) for values in product(*choices)]
