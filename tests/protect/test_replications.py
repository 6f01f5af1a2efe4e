"""Data-aware sampling on a real network: every flip of a layer is known, and 50 replications draw from them.

The file is what this prints, a minute of one core: python -m resq singles signs/resnet20/base --encoding int8
--n 2000 --every linear.weight
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from resq import checkpoints
from resq.core import Encoding, seeds
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.protect.singles import critical_bits, single_faults

STORED = json.loads((table.SHIPPED / "signs-resnet20-critical.json").read_text(encoding="utf-8"))
DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "protect.md").read_text(encoding="utf-8")
CELLS = STORED["cells"]
CRITICAL = [
    np.unpackbits(np.frombuffer(bytes.fromhex(c["critical"]), np.uint8))[: c["words"]].astype(bool)
    for c in CELLS
]
BITS, GUESS = [c["words"] for c in CELLS], [c["guess"] for c in CELLS]
TRUTH = np.array([critical.mean() for critical in CRITICAL])
TIMES = 50


def _draws(seed):
    """Draws flips of each cell without any twice, as ``critical_bits`` does of the network itself."""
    rng = seeds.rng(seed, "replications")
    left = [iter(rng.permutation(critical)) for critical in CRITICAL]
    return lambda cell, n: int(sum(next(left[cell]) for _ in range(n)))


@pytest.mark.parametrize("error", [0.05, 0.03])
def test_fifty_replications_give_the_same_interval_with_at_most_half_of_the_injections(error):
    plain = [single_faults.plain(BITS, error, _draws(seed)) for seed in range(TIMES)]
    aware = [single_faults.aware(BITS, GUESS, error, _draws(seed)) for seed in range(TIMES)]
    counts = np.array([[sum(s.injections for s in cells) for cells in runs] for runs in (plain, aware)])
    assert (counts[1] <= counts[0] / 2).all(), counts.mean(axis=1)
    fewer, usual = (f"{mean:,.0f}" for mean in counts.mean(axis=1)[::-1])
    assert re.search(rf"\b{fewer} against {usual} at (a half-width of )?{error:g}\b", DOCUMENT)
    # A layer of 1,024 weights is a small population: both intervals take that into account.
    for ours, theirs in zip(aware, plain, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert max(one.half_width, other.half_width) <= error + 1e-12
            assert one.injections <= other.injections
    for runs in (plain, aware):
        held = [[s.low <= p <= s.high for s, p in zip(cells, TRUTH, strict=True)] for cells in runs]
        assert np.mean(held) >= 0.93


def test_the_layer_is_worth_asking_about():
    assert TRUTH.max() > 0.25
    assert (TRUTH == 0).any()
    assert ((TRUTH > 0) & (TRUTH < 0.1)).any()


def test_the_stored_outcomes_are_those_of_the_network():
    checkpoint = checkpoints.load(STORED["checkpoint"])
    assert checkpoint.hash == STORED["weights"]
    images = sweep.test_images(SweepSpec(STORED["checkpoint"], n=STORED["n"]), checkpoint)
    assert images.hash == STORED["images"]
    bench = FaultyNetwork(checkpoint, Encoding.parse(STORED["encoding"]))
    with torch.inference_mode():
        tried = critical_bits.every(bench, sweep.pixels(images), ["linear.weight"])
        (_, bit), lowest = next(tried)
    assert bit == CELLS[0]["bit"]
    assert np.array_equal(lowest, CRITICAL[0])
    guess = critical_bits.guesses(bench)
    assert [guess["linear.weight", c["bit"]] for c in CELLS] == pytest.approx(GUESS)
