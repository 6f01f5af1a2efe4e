"""Places that count failing cells: how many bits flip in real words, and what is said of both rates."""

import json

import numpy as np
import pytest

from resq import checkpoints, cli
from resq.core import Encoding
from resq.memory import faults
from resq.physics import Place, neutrons, orbit, retention, voltage

NET = "signs/resnet20/base"
PLACES = [retention.warm(45), retention.warm(55), retention.slow(256), voltage.sram(0.56), voltage.sram(0.54)]
DRAWS = 10


@pytest.fixture(scope="module")
def memory() -> faults.Region:
    return faults.region(checkpoints.load(NET).quantized(Encoding.parse("int8")))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.what)
def test_as_many_bits_flip_as_that_share_of_cells_changes_that_are_read_as_0(
    memory: faults.Region, place: Place
):
    """Twice as many flipped: the share of cells was taken as that of all bits that flip."""
    more = 2e-2 / place.rate.value  # the same law at a rate with enough flips
    rng, cells = np.random.default_rng(0), round(2e-2 * memory.n_bits)
    failing = [np.sort(rng.choice(memory.n_bits, cells, replace=False)) for _ in range(DRAWS)]
    wrong = np.mean([memory.bit_values(at).sum() for at in failing])
    drawn = faults.FAULTS[place.fault]
    flips = np.mean([len(drawn(memory, more * place.rate.value, rng=rng)) for _ in range(DRAWS)])
    spread = 5 * (wrong / DRAWS) ** 0.5
    assert abs(flips - wrong) < spread
    assert (
        abs(more * place.ber.value * memory.n_bits - wrong) < spread + 0.01 * wrong
    )  # not quite half are ones


@pytest.mark.parametrize("place", [neutrons.ground(12200, 8760), orbit.earth(686, 365), orbit.moon(365)],
                         ids=lambda place: place.what)  # fmt: skip
def test_places_that_count_flipped_bits_have_one_rate(place: Place):
    assert (place.fault, place.rate, place.counted) == ("random", place.ber, "")


def test_the_command_says_the_share_of_wrong_bits_and_that_of_failing_cells(capsys):
    assert cli.main(["ber", "warm-dram", "45"]) == 0
    said = capsys.readouterr().out
    assert "bit error rate 7.2e-08 (7.2e-08 to 7.2e-08), fault model stuck-at-0 at 1.4e-07" in said
    assert "the share of cells that fail: such a cell is wrong only where a 1 was stored" in said
    assert cli.main(["ber", "warm-dram", "45", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cells"]["value"] == pytest.approx(2464 / 2**34)
    assert found["ber"]["value"] == pytest.approx(2464 / 2**35)


def test_what_a_network_keeps_is_looked_up_at_the_share_of_wrong_bits(capsys):
    """Rows of random flips count wrong bits."""
    assert cli.main(["ber", "voltage", "0.54", "--network", NET]) == 0
    said = capsys.readouterr().out
    assert "bit error rate 0.00031" in said
    assert "interpolated between the measured rates 0.0003 and 0.001" in said
