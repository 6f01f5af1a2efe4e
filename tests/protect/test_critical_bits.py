"""Single flips of a real network: what counts as critical, and that the flips tried are as few as said."""

import json

import numpy as np
import pytest
import torch

from resq import checkpoints, cli, data
from resq.core import BitFlips, Encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run.sweep import pixels
from resq.measure.specs.sdc_rates import leveugle
from resq.memory import faults
from resq.protect.singles import critical_bits, single_faults

NET, ERROR = "signs/resnet20/base", 0.3


@pytest.fixture(scope="module")
def bench():
    return FaultyNetwork(checkpoints.load(NET), Encoding.parse("int8"))


@pytest.fixture(scope="module")
def images():
    part = data.load("signs", "test").first(4)
    return pixels(part), torch.from_numpy(part.y)


def test_a_flip_is_critical_where_the_whole_network_answers_otherwise(bench, images):
    x, y = images
    (layer, bit), found = next(critical_bits.shares(bench, x, y, error=ERROR))
    guess = critical_bits.guesses(bench)[layer, bit]
    assert (layer, bit) == ("conv1.weight", 0)
    assert found.injections == max(single_faults.least(ERROR), leveugle(432, ERROR, share=guess))
    where = faults.region(bench.model, ["conv1.weight"], [7])
    order = critical_bits.seeds.rng(0, "critical", "conv1.weight", 7).permutation(where.n_bits)
    with torch.inference_mode():
        usual, changed = bench.network(x).argmax(1), 0
        cells = critical_bits.shares(bench, x, y, error=ERROR)
        seventh = next(share for cell, share in cells if cell == ("conv1.weight", 7))
        for address in where.addresses(np.sort(order[: seventh.injections])):
            with bench.flipped(BitFlips(np.array([address]), np.zeros(1))) as network:
                changed += bool((network(x).argmax(1) != usual).any())
    assert seventh.value == pytest.approx(changed / seventh.injections)


def test_the_command_tries_at_most_half_of_what_plain_sampling_does_and_says_both(capsys, monkeypatch):
    monkeypatch.setattr(FaultyNetwork, "flipped", Nothing)  # how many are tried does not hang on the answers
    asked = ["singles", NET, "--error", "0.2", "--n", "1", "--json"]
    assert cli.main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["injections"] <= found["plain"] / 2
    assert len(found["cells"]) == 20 * 8
    assert all((cell["high"] - cell["low"]) / 2 <= 0.2 + 1e-9 for cell in found["cells"])
    assert found["critical"] == 0


class Nothing:
    """A network that no flip reaches."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return None

    def __exit__(self, *_):
        return False


def test_an_interval_that_cannot_be_is_refused(capsys):
    assert cli.main(["singles", NET, "--error", "2"]) == 2
    assert "half-width of an interval lies between 0 and 0.5, got 2" in capsys.readouterr().err
