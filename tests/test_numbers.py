"""Golden numbers: what a seed gives. Who changes one on purpose raises NUMBERS and writes the new ones here.

``python -m tests.test_numbers`` prints them.
"""

import hashlib

import numpy as np
import pytest

from resq import seeds
from resq.core import Layout
from resq.measure import sweep
from resq.measure.spec import SweepSpec
from resq.measure.version import NUMBERS
from resq.memory import faults

SIGNS = "signs/resnet20/base"
# The top rate of a map -> first 8 hex digits over its addresses and which of them flip at half the rate.
MAPS = {"random": "4fb61c51", "count": "a9b419d0", "layer-uniform": "deca4c52"}
# (encoding, BER) -> correct of 100, per map; and of 20 under PGD with 3 steps, per eps.
FAULTY = {("int8", 0.02): [50, 38, 54], ("int4-tmr2", 0.1): [17, 12, 13], ("fp32", 1e-6): [98, 98, 6]}
ATTACKED = {2.0: 17, 8.0: 5}


def drawn(name: str) -> str:
    """What the fault model flips in three layers, as a short hash."""
    where = faults.region(Layout(("a", "b", "c"), (4000, 10, 700), 8))
    flips = faults.FAULTS[name](where, 0.02, rng=seeds.rng(7, "map", 3))
    digest = hashlib.sha256(flips.addresses.astype("<i8").tobytes())
    digest.update(flips.at(0.01).addresses.astype("<i8").tobytes())
    return digest.hexdigest()[:8]


def faulty(encoding: str, ber: float) -> list[int]:
    spec = SweepSpec(SIGNS, encoding=encoding, bers=(ber,), maps=3, n=100, seed=7)
    return [row["correct"] for row in sweep.run(spec)]


def attacked() -> dict[float, int]:
    spec = SweepSpec(SIGNS, eps=tuple(ATTACKED), steps=3, n=20, seed=7)
    return {row["eps"]: row["correct"] for row in sweep.run(spec)}


def test_these_are_the_numbers_of_version_1():
    assert NUMBERS == "1"


@pytest.mark.parametrize("name", MAPS)
def test_a_seed_gives_the_same_flips_as_ever(name):
    assert drawn(name) == MAPS[name]


@pytest.mark.parametrize(("encoding", "ber"), FAULTY)
def test_a_seed_gives_the_same_correct_answers_as_ever(encoding, ber):
    assert faulty(encoding, ber) == FAULTY[encoding, ber]


def test_an_attack_finds_what_it_found():
    # Signs of gradients that are nearly zero may differ between machines: one image either way.
    np.testing.assert_allclose(list(attacked().values()), list(ATTACKED.values()), atol=1)


if __name__ == "__main__":
    print({name: drawn(name) for name in faults.FAULTS})  # noqa: T201
    print({key: faulty(*key) for key in FAULTY}, attacked())  # noqa: T201
