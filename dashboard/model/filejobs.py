"""What "Your network" has measured, as jobs. No streamlit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from resq.measure.specs.sweep_spec import SweepSpec

BERS = (1e-4, 1e-3, 1e-2)


@dataclass(frozen=True)
class FileCheck:
    """``python -m resq inspect FILE --data``: is every flip computed with, what does a fault map take."""

    file: str
    data: str
    inputs: str = ""
    total = 1

    @property
    def hash(self) -> str:
        """Changes with any field."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def argv(self) -> list[str]:
        """The words after ``python -m resq``."""
        parts = self.inputs.split()
        options = [f"--{k}={v}" for k, v in zip(parts[::2], parts[1::2], strict=True)]
        return ["inspect", self.file, "--data", self.data, "--targets", "weights", *options]


def clean(file: str, data: str, inputs: str, n: int) -> SweepSpec:
    """The accuracy without faults."""
    return SweepSpec(file, data=data, inputs=inputs, bers=(0.0,), maps=1, n=n)


def sweep(
    file: str, data: str, inputs: str, bers: tuple[float, ...], targets: str, maps: int, n: int, seed: int
) -> SweepSpec:
    """Accuracy over bit error rates, the one without faults among them."""
    return SweepSpec(
        file, data=data, inputs=inputs, bers=(0.0, *bers), targets=targets, maps=maps, n=n, seed=seed
    )
