"""Progressive bit search: the flip it picks is the worst one, through the decoded effect of every bit."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resq import checkpoints, data
from resq.attacks import bit_search
from resq.cli import main
from resq.core import BitFlips, Encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run.sweep import pixels
from resq.memory import flipping, quant
from resq.memory.faults import FAULTS, region

BASE = "signs/resnet20/base"


@pytest.fixture(scope="module")
def xy():
    images = data.load("signs", "test").first(8)
    return pixels(images), torch.from_numpy(images.y)


class Plain:
    """A memory of one linear layer without bias, written anew for every set of flips."""

    def __init__(self, weight: np.ndarray, encoding: Encoding) -> None:
        self.model = quant.quantize_model({"0.weight": weight}, ("0.weight",), encoding)
        self.factors: dict[str, np.ndarray] = {}
        self.network = nn.Module()
        self.network.body = nn.Sequential(nn.Linear(weight.shape[1], len(weight), bias=False))

    def flipped(self, flips: BitFlips):
        layer = self.network.body[0]
        read = quant.dequantize(flipping.flip(self.model, flips).weights["0.weight"])
        layer.weight.data = torch.from_numpy(read)
        return nullcontext(self.network.body)


def plain(encoding: str) -> tuple[Plain, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    memory = Plain(rng.normal(0, 1, (3, 4)).astype(np.float32), Encoding.parse(encoding))
    x = torch.from_numpy(rng.random((8, 4), dtype=np.float32))
    return memory, x, torch.from_numpy(rng.integers(0, 3, 8))


def slow_gains(memory: Plain, x, y) -> dict[int, float]:
    """First-order gain of every stored bit, one after the other."""
    with memory.flipped(bit_search.flips_of([])) as body:
        weight = body[0].weight.requires_grad_(True)
        (slope,) = torch.autograd.grad(F.cross_entropy(body(x), y), weight)
        weight.requires_grad_(False)
    clean = quant.dequantize(memory.model.weights["0.weight"])
    gains = {}
    for address in range(memory.model.n_bits):
        flipped = flipping.flip(memory.model, bit_search.flips_of([address])).weights["0.weight"]
        gains[address] = float((slope.numpy() * (quant.dequantize(flipped) - clean)).sum())
    return gains


@pytest.mark.parametrize(
    "encoding", ["int8", "int8-symmetric-tensor", "int5-magnitude", "int4-tmr2", "int3-tmr1"]
)
def test_the_first_flip_is_the_bit_of_the_largest_first_order_gain(encoding):
    memory, x, y = plain(encoding)
    gains = slow_gains(memory, x, y)
    (step,) = bit_search.search(memory, x, y, 1)
    assert gains[step.address] == pytest.approx(max(gains.values()), rel=1e-4)
    assert step.loss == pytest.approx(bit_search.loss(memory, x, y, [step.address]))


@pytest.mark.parametrize("encoding", ["int8", "int4-tmr2", "int8-symmetric-tensor"])
def test_a_sequence_flips_no_bit_twice_and_says_what_each_weight_is_read_as(encoding):
    memory, x, y = plain(encoding)
    steps = list(bit_search.search(memory, x, y, 6))
    addresses = [step.address for step in steps]
    assert len(set(addresses)) == len(addresses) == 6
    for i, step in enumerate(steps):
        read = [
            quant.dequantize(
                flipping.flip(memory.model, bit_search.flips_of(addresses[:n])).weights["0.weight"]
            )
            for n in (i, i + 1)
        ]
        assert (step.before, step.after) == tuple(r.reshape(-1)[step.word] for r in read)
        assert step.before != step.after
        assert memory.model.layout.address(step.layer, step.word, step.bit) == step.address


def test_a_copy_that_is_outvoted_is_never_chosen():
    memory, x, y = plain("int4-tmr2")
    bits = [step.bit for step in bit_search.search(memory, x, y, 8)]
    assert set(bits) <= {0, 1}  # bits 2 and 3 and their copies, 4 to 7, are read by majority


def test_three_chosen_flips_raise_the_loss_more_than_any_three_top_bits_at_random(xy):
    x, y = xy
    bench = FaultyNetwork(checkpoints.load(BASE), Encoding(8))
    before = {k: v.clone() for k, v in bench.network.state_dict().items()}
    steps = list(bit_search.search(bench, x, y, 3))
    losses = [bit_search.loss(bench, x, y), *[step.loss for step in steps]]
    assert losses == sorted(losses)
    where = region(bench.model, planes=[7])
    draws = [FAULTS["count"](where, 3 / where.n_bits, rng=np.random.default_rng(i)) for i in range(10)]
    at_random = [bit_search.loss(bench, x, y, flips.addresses.tolist()) for flips in draws]
    assert {len(flips) for flips in draws} == {3}
    assert losses[-1] - losses[0] > 3 * (max(at_random) - losses[0])
    assert all(torch.equal(before[k], v) for k, v in bench.network.state_dict().items())
    assert not any(p.requires_grad for p in bench.network.parameters())


def test_a_folded_bench_finds_what_an_unfolded_one_finds(xy):
    x, y = xy
    found = [
        [
            s.address
            for s in bit_search.search(FaultyNetwork(checkpoints.load(BASE), Encoding(8), folded=f), x, y, 2)
        ]
        for f in (True, False)
    ]
    assert found[0] == found[1]


def test_floating_point_words_are_refused(xy):
    bench = FaultyNetwork(checkpoints.load(BASE), Encoding.parse("fp16"))
    with pytest.raises(ValueError, match="for integer codes, got fp16"):
        next(bit_search.search(bench, *xy, 1))


def test_the_command_prints_a_line_per_flip_and_the_same_seed_finds_the_same(capsys):
    given = ["bfa", BASE, "--flips", "1", "--n", "8", "--test", "20"]
    assert main(given) == 0
    assert "  1 flips  loss" in capsys.readouterr().out
    found = []
    for _ in range(2):
        assert main([*given, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    assert [step["flips"] for step in found[0]["steps"]] == [0, 1]
    assert main([*given, "--flips", "0"]) == 2
    assert "must be at least 1, got 0, 8 and 20" in capsys.readouterr().err
