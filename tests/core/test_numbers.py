"""Golden numbers: what a seed gives. Who changes one on purpose raises NUMBERS and writes the new ones here.

``python -m tests.core.test_numbers`` prints them.
"""

import hashlib

import numpy as np
import pytest

from resq import checkpoints
from resq.core import Encoding, QuantizedModel, seeds
from resq.core.encoding import CODES, FLOATS
from resq.core.guards import GUARDS
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.memory import faults, flipping, quant
from resq.memory.guards.layers import written

SIGNS = "signs/resnet20/base"
# The top rate of a map -> first 8 hex digits over its addresses and which of them flip at half the rate.
MAPS = {
    "random": "4fb61c51",
    "count": "a9b419d0",
    "layer-uniform": "deca4c52",
    "stuck-at-0": "cd9c237b",
    "stuck-at-1": "2f3e9cf0",
    "1-to-0": "f3a7b8af",
    "0-to-1": "90ad3f55",
    "burst-word": "614e5ea0",
    "burst-pair": "2a681408",
    "burst-row": "58245450",
    "threefold": "a9246640",
    "sec-ded": "44280c3c",
    "rowhammer": "0ebd0386",
}
# Encoding -> first 8 hex digits over the words of a weight, their scales, and what they are read as.
WORDS = {
    "int8": "1c61b1c7",
    "int8-symmetric": "1d35be27",
    "int8-magnitude": "e71b7746",
    "int8-symmetric-tensor": "9cb45aa9",
    "int8-tensor": "d633543e",
    "int7": "4fb1def2",
    "int6-symmetric-tmr1": "ac6f1538",
    "int5-mse": "a2e98a7b",
    "int4": "ca0e98a8",
    "int4-tmr1": "b0a84aed",
    "int4-tmr2": "922f78ef",
    "int4-magnitude-tmr2": "eafa1540",
    "int3-tmr2": "ae4f017d",
    "int2": "4355562a",
    "fp32": "e848ce0e",
    "fp16": "812521e1",
    "bf16": "3c1908a7",
}
# Encoding with a guard -> the same over its words, what is stored for the guard, and what is read of both
# after flips of one bit in fifty.
GUARDED = {
    "int8-secded": "9965b587",
    "int4-tmr2-secded": "6f20ef70",
    "fp32-secded": "51c839f8",
    "int8-secded0": "09994d16",
    "fp16-secded0": "d861da44",
    "int8-spw": "0b1126cd",
    "int4-spw": "227635b2",
    "fp16-spw": "b6b04f01",
    "int8-symmetric-inplace": "8e7dd822",
    "bf16-mset": "aac7dc0d",
    "fp16-mset": "81e5cfd4",
    "fp32-mset": "ab31922e",
    "int8-cep": "82ca2546",
    "int8-magnitude-cep": "d8b60309",
    "fp16-cep": "76f91f47",
    "fp32-cep": "0b96a09b",
    "int8-radar8": "07f1f023",
    "int8-symmetric-radar32": "2209138c",
    "int8-radar128": "fd9787cf",
    "int8-radar512": "255619a9",
    "fp16-limits": "106c522c",
    "bf16-limits": "0ad781f8",
    "fp32-limits": "57d91964",
}
# The same of what is stored beside the words of SIGNS.
BESIDE = {
    "int8": "9bb93cd8",
    "int4-tmr2": "0c62a9d9",
    "int4-tmr2+floats9": "4498a8e0",
    "int4-tmr2+folded9": "a0f30c61",
    "int8-symmetric+folded": "ba9f49f8",
    "fp32": "dba541e4",
}
# (encoding, BER) -> correct of 100, per map; and of 20 under PGD with 3 steps, per eps.
FAULTY = {
    ("int8", 0.02): [50, 38, 54],
    ("int4-tmr2", 0.1): [17, 12, 13],
    ("fp32", 1e-6): [98, 98, 6],
}
# (targets, encoding, BER) -> correct of 100, per map, where what lies beside the words is struck too.
STRUCK = {
    ("all", "int8", 1e-06): [98, 98, 98],
    ("floats", "int8", 1e-05): [98, 98, 98],
    ("all", "int4-tmr2+folded", 0.001): [6, 43, 6],
    ("all", "int4-tmr2+folded9", 0.02): [98, 98, 98],
}
ATTACKED = {2.0: 17, 8.0: 5}
# BER -> correct of 100, per map, where bits of 8-bit activations flip.
ACTIVATIONS = {0.003: [95, 95, 99], 0.01: [29, 23, 23]}


def stored(name: str = "int8") -> QuantizedModel:
    """Three layers in an encoding."""
    rng = seeds.rng(7, "weights")
    shapes = {"a": (40, 100), "b": (2, 5), "c": (7, 100)}
    state = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return quant.quantize_model(state, tuple(state), Encoding.parse(name))


def words(name: str) -> str:
    """A weight as it is stored and read in an encoding, as a short hash."""
    weight = seeds.rng(7, "weight").standard_normal((6, 5, 3, 3)).astype(np.float32)
    q = quant.quantize(weight, Encoding.parse(name))
    numbers = (q.scale, q.zero, quant.dequantize(q))
    whole = q.words.astype("<u4").tobytes() + b"".join(part.astype("<f4").tobytes() for part in numbers)
    return hashlib.sha256(whole).hexdigest()[:8]


def beside(name: str) -> str:
    """What a network's encoding stores beside its words, and where it flips, as a short hash."""
    found = FaultyNetwork(checkpoints.load(SIGNS), Encoding.parse(name), floats=True).beside
    assert found is not None
    digest = hashlib.sha256()
    for key, t in found.tensors.items():
        digest.update(f"{key} {t.width} {t.copies} {t.form}".encode() + t.words.astype("<u4").tobytes())
    for flips in found.drawn("random", 0.02, 7, 3).values():
        digest.update(flips.addresses.astype("<i8").tobytes())
    return digest.hexdigest()[:8]


def guarded(name: str) -> str:
    """Words under a guard, as they are kept, stored and read when struck, as a short hash."""
    model, digest = stored(name), hashlib.sha256()
    flips = faults.random(faults.region(model), 0.02, rng=seeds.rng(7, "map", 3))
    read = flipping.flip(model, flips)
    for layer, q in model.weights.items():
        for part in (*written(q), read.weights[layer].words):
            digest.update(np.asarray(part).astype("<u8").tobytes())
    return digest.hexdigest()[:8]


def struck(targets: str, encoding: str, ber: float) -> list[int]:
    spec = SweepSpec(SIGNS, encoding=encoding, bers=(ber,), maps=3, n=100, seed=7, targets=targets)
    return [row["correct"] for row in sweep.run(spec)]


def drawn(name: str) -> str:
    """What the fault model flips in three layers, as a short hash."""
    where = faults.region(stored())
    flips = faults.FAULTS[name](where, 0.02, rng=seeds.rng(7, "map", 3))
    digest = hashlib.sha256(flips.addresses.astype("<i8").tobytes())
    digest.update(flips.at_rate(0.01).addresses.astype("<i8").tobytes())
    return digest.hexdigest()[:8]


def faulty(encoding: str, ber: float) -> list[int]:
    spec = SweepSpec(SIGNS, encoding=encoding, bers=(ber,), maps=3, n=100, seed=7)
    return [row["correct"] for row in sweep.run(spec)]


def attacked() -> dict[float, int]:
    spec = SweepSpec(SIGNS, eps=tuple(ATTACKED), steps=3, n=20, seed=7)
    return {row["eps"]: row["correct"] for row in sweep.run(spec)}


def activations(ber: float) -> list[int]:
    spec = SweepSpec(SIGNS, fault="activations", bers=(ber,), maps=3, n=100, seed=7)
    return [row["correct"] for row in sweep.run(spec)]


@pytest.mark.parametrize("ber", ACTIVATIONS)
def test_flipped_activations_leave_as_many_right_as_ever(ber):
    assert activations(ber) == ACTIVATIONS[ber]


def test_these_are_the_numbers_of_version_4():
    assert NUMBERS == "4"


def test_every_fault_model_and_every_kind_of_encoding_has_its_golden_number():
    assert set(MAPS) == set(faults.FAULTS)
    kinds = [Encoding.parse(name) for name in WORDS]
    assert {kind.code for kind in kinds} == set(CODES)
    integers = [kind for kind in kinds if kind.code not in FLOATS]
    assert {kind.bits for kind in integers} == set(range(2, 9))
    assert {kind.tmr for kind in integers} == {0, 1, 2}
    assert {(kind.per, kind.clip) for kind in integers} >= {("tensor", "minmax"), ("channel", "mse")}


def test_every_guard_has_its_golden_number():
    assert {Encoding.parse(name).guard for name in GUARDED} == set(GUARDS)


@pytest.mark.parametrize("name", GUARDED)
def test_a_guard_stores_and_reads_struck_words_as_ever(name):
    assert guarded(name) == GUARDED[name]


@pytest.mark.parametrize("name", WORDS)
def test_an_encoding_stores_a_weight_as_ever(name):
    assert words(name) == WORDS[name]


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_the_words_is_stored_and_struck_as_ever(name):
    assert beside(name) == BESIDE[name]


@pytest.mark.parametrize(("targets", "encoding", "ber"), STRUCK)
def test_a_seed_gives_the_same_answers_where_everything_is_struck(targets, encoding, ber):
    assert struck(targets, encoding, ber) == STRUCK[targets, encoding, ber]


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
    print({name: guarded(name) for name in GUARDED})  # noqa: T201
    print({name: words(name) for name in WORDS}, {name: beside(name) for name in BESIDE})  # noqa: T201
    print({key: faulty(*key) for key in FAULTY}, attacked(), {k: struck(*k) for k in STRUCK})  # noqa: T201
    print({ber: activations(ber) for ber in ACTIVATIONS})  # noqa: T201
