"""Activations: calibrated ranges, 8-bit codes, a straight-through gradient, clamps, and bits that flip."""

import numpy as np
import pytest
import torch
from torch import nn

from resq import checkpoints, data, networks
from resq.core import Encoding
from resq.measure.engine import activation_faults as faults
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import score
from resq.measure.run import sweep
from resq.measure.run.sweep import pixels
from resq.measure.specs.sweep_spec import SweepSpec
from resq.networks import activations

BASE = "signs/resnet20/base"


@pytest.fixture(scope="module")
def bench():
    return FaultyNetwork(checkpoints.load(BASE), Encoding(8))


@pytest.fixture(scope="module")
def x():
    return pixels(data.load("signs", "train").first(40))


@pytest.fixture(scope="module")
def found(bench, x):
    return activations.ranges(bench.network, x, inputs=True)


@pytest.fixture(scope="module")
def test():
    images = data.load("signs", "test").first(60)
    return pixels(images), torch.from_numpy(images.y)


def _rng(seed=0):
    return np.random.default_rng(seed)


class Two(nn.Module):
    """Pixels -> a 1x1 convolution that doubles -> one that adds up: activations that a pencil can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Conv2d(1, 1, 1, bias=False))
        self.body[0].weight.data.fill_(2.0)
        self.body[1].weight.data.fill_(1.0)
        self.requires_grad_(False)

    def forward(self, x):
        return self.body(x)


def test_a_range_is_the_least_and_the_largest_activation_and_holds_zero():
    x = torch.tensor([0.25, 0.5]).view(2, 1, 1, 1)
    assert activations.ranges(Two(), x, inputs=True) == {"1": (0.0, 1.0)}
    assert activations.ranges(Two(), -x, inputs=True, batch=1) == {"1": (-1.0, 0.0)}


def test_an_8_bit_activation_is_the_nearest_of_256_levels_and_clamped_to_its_range():
    network = activations.int8(Two(), {"1": (0.0, 2.55)})
    x = torch.tensor([0.0, 0.1024, 0.5, 9.0, -1.0]).view(5, 1, 1, 1)
    expected = torch.tensor([0.0, 0.20, 1.0, 2.55, 0.0])
    torch.testing.assert_close(network(x).flatten(), expected, rtol=0, atol=1e-6)


def test_the_gradient_is_straight_through_inside_the_range_and_zero_outside():
    network = activations.int8(Two(), {"1": (0.0, 2.55)})
    x = torch.tensor([0.1024, 9.0]).view(2, 1, 1, 1).requires_grad_()
    network(x).sum().backward()
    assert x.grad.flatten().tolist() == [2.0, 0.0]


@pytest.mark.parametrize("span", [(0.0, 3.7), (-1.3, 2.0), (-0.2, 0.0), (0.0, 0.0)])
def test_zero_is_exact_in_every_range_and_no_activation_is_off_by_more_than_half_a_step(span):
    a = torch.linspace(*span, 1000)
    read = activations.values(activations.codes(a, *span), *span)
    assert activations.values(activations.codes(torch.zeros(1), *span), *span).item() == 0
    assert (read - a).abs().max() <= 1.01 * (span[1] - span[0]) / 255  # half a step, and half at the edges


def test_8_bit_activations_cost_a_trained_network_next_to_nothing(bench, found, test):
    clean, _ = score(bench.network, *test)
    assert abs(score(activations.int8(bench.network, found), *test)[0] - clean) <= 2


def test_the_network_inside_is_left_as_it_was(bench, found, x):
    before = networks.logits(bench.network, x[:4])
    networks.logits(activations.int8(bench.network, found), x[:4])
    assert torch.equal(networks.logits(bench.network, x[:4]), before)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in bench.network.modules())


def test_the_pixels_themselves_are_no_activation(bench):
    assert activations.read(bench.network.body)[0] == "layer1.0.conv1"
    assert activations.read(bench.network.body)[-1] == "linear"


@pytest.mark.parametrize("rate", [1e-3, 0.05])
def test_every_bit_of_every_activation_tensor_flips_with_the_same_probability(bench, found, x, rate):
    network, count = faults.faulty(bench.network, found, rate, rng=_rng())
    networks.logits(network, x[:8])
    spread = np.sqrt(count.bits * rate * (1 - rate))
    assert abs(count.flips - count.bits * rate) < 4 * spread
    assert count.bits % (8 * 8) == 0


def test_one_flipped_bit_changes_a_code_by_its_power_of_two():
    network, count = faults.faulty(Two(), {"1": (0.0, 2.55)}, 1.0, rng=_rng())
    x = torch.tensor([0.5]).view(1, 1, 1, 1)  # code 100
    torch.testing.assert_close(network(x).flatten(), torch.tensor([1.55]))  # all eight flipped: 155
    assert (count.flips, count.bits) == (8, 8)


def test_no_rate_is_8_bit_activations_without_faults_and_a_seed_decides_the_flips(bench, found, x):
    def answers(rate, seed):
        return networks.logits(faults.faulty(bench.network, found, rate, rng=_rng(seed))[0], x[:6])

    assert torch.equal(answers(0.0, 1), networks.logits(activations.int8(bench.network, found), x[:6]))
    assert torch.equal(answers(0.01, 1), answers(0.01, 1))
    assert not torch.equal(answers(0.01, 1), answers(0.01, 2))


def test_the_flips_at_a_smaller_rate_are_some_of_those_at_the_rate_drawn_at():
    x = torch.rand(500, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    spans, changed = {"1": (0.0, 2.0)}, []
    clean = activations.int8(Two(), spans)(x)
    for rate in (0.02, 0.2):
        moved = faults.faulty(Two(), spans, rate, rng=_rng(5), top=0.2)[0](x)
        changed.append(set(torch.nonzero((moved != clean).flatten()).flatten().tolist()))
    assert changed[0] < changed[1]
    assert changed[0]


def test_a_rate_that_is_none_or_beyond_the_one_drawn_at_is_refused():
    with pytest.raises(ValueError, match=r"rates must lie in \[0, 1\], got 2"):
        faults.faulty(Two(), {}, 2, rng=_rng())
    with pytest.raises(ValueError, match=r"top must be 0 or reach the rates, up to 0\.5, got 0\.1"):
        faults.faulty(Two(), {}, 0.5, rng=_rng(), top=0.1)


def test_accuracy_falls_as_activations_break(bench, found, test):
    correct = [
        score(faults.faulty(bench.network, found, r, rng=_rng())[0], *test)[0] for r in (0, 5e-3, 0.05)
    ]
    assert correct[0] > correct[1] > correct[2]


def test_a_sweep_over_activation_faults_has_its_clean_point_and_repeats_itself():
    spec = SweepSpec(BASE, fault="activations", bers=(0.0, 0.02), maps=2, n=20)
    rows = list(sweep.run(spec))
    assert [row["flips"] > 0 for row in rows] == [False, True, True]
    assert rows[0]["correct"] >= 19
    assert rows[1]["flips"] != rows[2]["flips"]
    assert list(sweep.run(spec)) == rows
    assert {row["fault"] for row in rows} == {"activations"}


def test_activation_faults_in_chosen_layers_or_under_attack_are_refused():
    with pytest.raises(ValueError, match=r"flip anywhere and meet no attack, got layer1\.\*"):
        SweepSpec(BASE, fault="activations", layers=("layer1.*",))
