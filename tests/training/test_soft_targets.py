"""A stage's network may learn what it answered before the stage, beside the labels."""

import numpy as np
import pytest
import torch
from torch import nn

from resq import checkpoints
from resq.core import Dataset, Encoding
from resq.data import signs
from resq.training.stages import STAGES, adversarial, bit_error
from resq.training.tuning import soft_targets
from resq.training.tuning.stage import StageInput, options
from resq.training.tuning.stage_eval import network_with


@pytest.fixture(scope="module")
def site() -> StageInput:
    pixels, y = signs.render("train", 96)
    images = Dataset("signs", "train", pixels, y, signs.CLASSES)
    return StageInput(
        checkpoints.load("signs/resnet20/base"), images.first(64), images.take(np.arange(64, 96))
    )


@pytest.fixture(scope="module")
def batch(site) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(site.train.pixels[:8]).float().div(255), torch.from_numpy(site.train.y[:8])


def answers(site: StageInput, x: torch.Tensor, heat: float) -> torch.Tensor:
    network = network_with(site.checkpoint, site.checkpoint.state, Encoding.parse("fp32")).eval()
    with torch.no_grad():
        return (network(x) / heat).softmax(1)


def test_by_default_labels_are_learned_as_they_are(site, batch):
    x, y = batch
    for stage in ("adversarial", "bit_error"):
        assert soft_targets.soft_targets(site, options(stage, STAGES, {}))(x, y) is y


@pytest.mark.parametrize("heat", [1.0, 4.0])
def test_a_share_of_the_answers_joins_the_labels(site, batch, heat):
    x, y = batch
    found = soft_targets.soft_targets(site, {"taught": 0.25, "temperature": heat})(x, y)
    expected = 0.75 * nn.functional.one_hot(y, 16) + 0.25 * answers(site, x, heat)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(1), torch.ones(8))


def test_a_higher_temperature_is_less_sure(site, batch):
    x, y = batch
    cold, hot = (
        soft_targets.soft_targets(site, {"taught": 1.0, "temperature": t})(x, y).amax(1) for t in (1.0, 4.0)
    )
    assert bool((hot < cold).all())


def test_moved_images_are_learned_as_the_unmoved_ones_were_answered(site, batch):
    """The search may not change what is wanted: at the start the loss is that of the clean answers."""
    x, y = batch
    given = options("adversarial", STAGES, {"taught": 1.0, "steps": 1, "eps": 8.0})
    network = network_with(site.checkpoint, site.checkpoint.state, Encoding.parse("fp32")).eval()
    loss, logits = adversarial.objective(given, soft_targets.soft_targets(site, given))(
        network, x, y, np.random.default_rng(0)
    )
    wanted = answers(site, x, 1.0)
    assert float(loss.detach()) == pytest.approx(float(nn.functional.cross_entropy(logits, wanted)), rel=1e-4)
    assert not torch.allclose(logits, network(x), atol=1e-3)


def test_both_halves_of_bit_error_training_learn_the_answers(site, batch):
    x, y = batch
    given = options("bit_error", STAGES, {"taught": 1.0, "encoding": "int8", "rate": 0.0, "begin": 99.0})
    network = network_with(site.checkpoint, site.checkpoint.state, Encoding.parse("fp32")).eval()
    names = site.checkpoint.weights
    draw = bit_error.AtRates([0.0] * len(names))
    loss, logits = bit_error.objective(names, given, draw, 16, soft_targets.soft_targets(site, given))(
        network, x, y, np.random.default_rng(0)
    )
    wanted = nn.functional.cross_entropy(logits, answers(site, x, 1.0))
    assert float(loss.detach()) == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("given", [{"taught": 1.5}, {"taught": 0.5, "temperature": 0.0}])
def test_a_share_above_one_and_a_temperature_of_zero_are_refused(site, given):
    full = options("adversarial", STAGES, given)
    with pytest.raises(ValueError, match=r"taught lies in 0\.\.1 and temperature above 0, got"):
        soft_targets.soft_targets(site, full)


@pytest.mark.parametrize("stage", ["adversarial", "bit_error"])
def test_the_estimated_time_counts_the_teachers_way_forward(stage):
    plain, learned = (STAGES[stage].passes(options(stage, STAGES, {"taught": t})) for t in (0.0, 0.5))
    assert learned - plain == pytest.approx(1 / 3)
