"""Stages without faults, or with faults at any rate: a margin, a flat loss, many rates; pencil laws."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from resq.core import Encoding
from resq.memory import quant
from resq.training.stages import STAGES, flat, margin, multi_rate
from resq.training.tuning.stage import options


class Line(nn.Module):
    """Two logits, w x and 0."""

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([w]))

    def forward(self, x):
        return torch.stack([self.w[0] * x[:, 0], torch.zeros(len(x))], dim=1)


X, Y = torch.tensor([[1.0]]), torch.tensor([0])


def _loss(stage, network, **given):
    loss, logits = stage.objective({**stage.DEFAULTS, **given})(network, X, Y, np.random.default_rng(0))
    return loss, logits


def test_a_margin_is_taken_off_the_true_class_and_the_answer_counted_is_the_networks_own():
    loss, logits = _loss(margin, Line(3.0), margin=2.0, bound=0.0)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-(3.0 - 2.0))))
    assert logits.tolist() == [[3.0, 0.0]]


def test_logits_that_all_grow_give_no_more_than_the_bound():
    loss, _ = _loss(margin, Line(1000.0), margin=2.0, bound=4.0)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-(4.0 - 2.0))))


def test_a_flat_loss_has_the_gradient_of_the_worst_point_nearby():
    """d/dw log(1 + exp(-w)) = -1 / (1 + exp(w)) at w - rho: downhill in w is uphill in the loss."""
    network = Line(1.0)
    loss, _ = _loss(flat, network, rho=0.5)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-0.5)))
    loss.backward()
    assert float(network.w.grad) == pytest.approx(-1 / (1 + math.exp(0.5)))


def test_batch_norms_learn_from_the_first_of_two_passes_alone():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Flatten())
    plain = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Flatten())
    plain.load_state_dict(network.state_dict())
    x = torch.rand(8, 1, 1, 1)
    flat.objective(flat.DEFAULTS)(network, x, torch.zeros(8, dtype=torch.int64), np.random.default_rng(0))
    plain(x)
    assert torch.equal(network[1].running_mean, plain[1].running_mean)
    assert network[1].momentum == plain[1].momentum


def test_rates_are_spread_evenly_over_their_logarithm():
    model = quant.quantize_model({"w": np.ones(40_000, np.float32)}, ("w",), Encoding.parse("int8"))
    draw, rng = multi_rate.AnyRate(1e-3, 1e-1, 1), np.random.default_rng(0)
    rates = np.log10([len(draw(model, rng).addresses) / 320_000 for _ in range(400)])
    assert np.quantile(rates, [0.0, 0.5, 1.0]) == pytest.approx([-3, -2, -1], abs=0.12)


@pytest.mark.parametrize(
    ("stage", "given", "said"),
    [
        ("margin", {"margin": 40.0}, "lies below twice the bound, got margin 40 and bound 16"),
        ("flat", {"rho": 0.0}, "takes rho above 0; with 0 it is the stage clean"),
        ("multi_rate", {"least": 0.1}, "takes 0 < least < rate <= 0.5, got 0.1 and 0.05"),
    ],
)
def test_what_a_stage_cannot_do_is_refused_before_anything_is_trained(stage, given, said):
    with pytest.raises(ValueError, match=said):
        STAGES[stage].run(None, options(stage, STAGES, given))
