"""What decides the pictures of an embedding: a network, its words, rates, budgets, images, a seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from resq.core import commands
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.run.embedding.pca import AXES
from resq.measure.specs.cells import ACTIVATIONS
from resq.measure.specs.sweep_spec import SweepSpec

BERS = (3e-4, 1e-3, 3e-3, 1e-2, 2e-2, 3e-2)
EPS = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class EmbeddingSpec:
    """Pictures among a network's last features; fields as of a ``SweepSpec``, whose fault maps it shares."""

    checkpoint: str
    encoding: str = "int8"
    fault: str = "random"
    bers: tuple[float, ...] = BERS
    eps: tuple[float, ...] = EPS
    steps: int = 20
    maps: int = 3
    n: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if deployed.is_file(self.checkpoint):
            raise ResqError(
                f"a deployed file is run by its runtime, which gives answers and no features, got "
                f"{self.checkpoint:.200}: there is nothing to place its pictures by; sweep measures it"
            )
        if self.fault == ACTIVATIONS:
            raise ResqError(f"pictures move under flips of stored bits, got {ACTIVATIONS}")
        if self.n <= AXES:
            raise ResqError(f"n must be at least {AXES + 1} for a plane, got {self.n}")
        same = self.sweep()
        object.__setattr__(self, "bers", tuple(ber for ber in same.bers if ber))
        object.__setattr__(self, "eps", tuple(eps for eps in same.eps if eps))
        if not self.bers and not self.eps:
            raise ResqError("nothing moves the pictures: give a bit error rate or an eps above 0, got none")

    def sweep(self) -> SweepSpec:
        """The sweep whose cells these steps are: the same maps, the same attack; first the clean one.

        Raises:
            ResqError: a field that a sweep refuses.
        """
        return SweepSpec(
            self.checkpoint, encoding=self.encoding, fault=self.fault, bers=(0.0, *self.bers), maps=self.maps,
            eps=self.eps, steps=self.steps, n=self.n, seed=self.seed,
        )  # fmt: skip

    @property
    def hash(self) -> str:
        """16 hex digits that change with any field."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def total(self) -> int:
        """How many rows it has: one for each step of each map."""
        return self.sweep().total

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that measure it; defaults but the encoding are left out."""
        words = ["embed", self.checkpoint, "--encoding", self.encoding]
        for flag, name in (("ber", "bers"), ("eps", "eps"), *((n, n) for n in ("fault", "steps", "maps", "n",
                                                                               "seed"))):  # fmt: skip
            value = getattr(self, name)
            if value != getattr(EmbeddingSpec, name):
                words += [f"--{flag}", commands.listed(value if isinstance(value, tuple) else (value,))]
        return words

    @property
    def command(self) -> str:
        """What measures it in a terminal."""
        return commands.line(self.argv())
