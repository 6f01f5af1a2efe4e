"""Where flips add up: what flips of a bit plane misread, times those of a rate, against maps at that rate."""

import numpy as np
import pytest

from resq import checkpoints
from resq.core import Encoding, lone_flips
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sensitivity
from resq.memory import faults, flipping

NET, LAYER, RATE = "signs/resnet20/base", "layer2.1.conv2.weight", 1e-3


def _misread(bench: FaultyNetwork, flips) -> int:
    return len(flipping.misread(bench.model, flips))


def _summed(bench: FaultyNetwork) -> float:
    """Misread bits at the rate as the sum over bit planes of what a flip of 1 % of each does."""
    q, total = bench.model.weights[LAYER], 0.0
    for bit in range(q.encoding.word_bits):
        maps = [sensitivity.cell_map(bench, LAYER, bit, 0.01, 0, number) for number in range(10)]
        per_flip = sum(_misread(bench, flips) for flips in maps) / sum(map(len, maps))
        total += per_flip * q.words.size * RATE
    return total


def _drawn(bench: FaultyNetwork) -> float:
    """Misread bits of maps that are drawn at the rate."""
    where, rng = faults.region(bench.model, [LAYER]), np.random.default_rng(0)
    return float(np.mean([_misread(bench, faults.random(where, RATE, rng=rng)) for _ in range(200)]))


@pytest.mark.parametrize("name", ["int8", "int4-tmr2", "int8-cep", "fp16-limits"])
def test_flips_of_words_that_stand_for_themselves_add_up(name):
    bench = FaultyNetwork(checkpoints.load(NET), Encoding.parse(name))
    assert lone_flips.add_up(Encoding.parse(name))
    assert _summed(bench) == pytest.approx(_drawn(bench), rel=0.03)


@pytest.mark.parametrize(("name", "times"), [("int8-x3", 4), ("int8-spw", 0), ("int8-radar512", 0.45)])
def test_flips_of_copied_and_checked_words_do_not(name, times):
    """The sum was shown as what a layer does at that rate."""
    bench = FaultyNetwork(checkpoints.load(NET), Encoding.parse(name))
    assert not lone_flips.add_up(Encoding.parse(name))
    assert _summed(bench) / _drawn(bench) == pytest.approx(times, rel=0.25)


def test_of_layers_stored_apart_each_is_asked():
    mixed = Encoding.parse("int8+int8-x3@1")
    assert [lone_flips.add_up(mixed.of(number)) for number in range(3)] == [True, False, True]
    assert not lone_flips.add_up_everywhere(mixed)
    assert lone_flips.add_up_everywhere(Encoding.parse("int8+int4-tmr2@1"))
