"""Ways of adversarial training: how far images are moved, what is asked for, the average, and overfitting."""

import numpy as np
import pytest
import torch
from torch import nn

from resq import checkpoints
from resq.attacks.gradient import pgd
from resq.core import Dataset
from resq.data import signs
from resq.networks import restore
from resq.training import average, train
from resq.training.recipe import Recipe
from resq.training.stages import STAGES, adversarial
from resq.training.tuning import finetune, movers, watch
from resq.training.tuning.stage import StageInput, options

FEW = {"epochs": 2, "batch": 16, "pad": 1, "n_valid": 16, "drop": 1.0, "lr": 0.002}
EPS = 8 / 255


@pytest.fixture(scope="module")
def site() -> StageInput:
    x, y = signs.render("train", 112)
    images = Dataset("signs", "train", np.ascontiguousarray(x[:, :, ::2, ::2]), y, signs.CLASSES)
    base = checkpoints.load("signs/resnet20/base")
    return StageInput(base, images.first(64), images.take(np.arange(64, 112)), seed=3)


@pytest.fixture(scope="module")
def network(site) -> nn.Module:
    half = (0.5, 0.5, 0.5)
    return restore("resnet20", site.checkpoint.state, mean=half, std=(0.25, 0.25, 0.25), classes=16)


@pytest.fixture(scope="module")
def batch(site) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(site.train.pixels[:32]).float().div(255), torch.from_numpy(site.train.y[:32])


def _given(**own):
    return options("adversarial", STAGES, own)


def _moved(network, batch, **own):
    return movers.moved(network, *batch, _given(**own), np.random.default_rng(0))


def _loss(network, x, y):
    with torch.no_grad():
        return float(nn.functional.cross_entropy(network(x), y))


# Moving


@pytest.mark.parametrize(
    ("own", "least", "most"),
    [
        ({"steps": 2, "step": 5.0}, EPS, EPS),
        ({"steps": 1}, EPS, EPS),
        ({"method": "trades", "steps": 3, "step": 5.0}, EPS, EPS),
        ({"method": "n-fgsm"}, 2.5 * EPS, 3 * EPS),  # two eps of noise and one of the step, none of it cut
    ],
)
def test_images_move_as_far_as_their_method_says_and_against_the_network(own, least, most, network, batch):
    x, y = batch
    far = (_moved(network, batch, **own) - x).abs().amax()
    assert least - 1e-6 <= float(far) <= most + 1e-6
    noise = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, x.shape)).float() * far
    assert _loss(network, _moved(network, batch, **own), y) > _loss(network, x + noise, y) + 0.1


def test_n_fgsm_is_noise_of_two_eps_and_one_step_of_eps_from_there(network, batch):
    x, _ = batch
    moved = _moved(network, batch, method="n-fgsm")
    noise = np.random.default_rng(0).random(tuple(x.shape), dtype=np.float32)
    start = x + (2 * torch.from_numpy(noise) - 1) * 2 * EPS
    length = (moved - start).abs()
    assert float((length - EPS).abs()[length > 1e-6].max()) < 1e-6  # only where no gradient is it stays
    assert bool((moved < 0).any())  # nothing is cut, not even at black


def test_trades_moves_images_whatever_their_labels(network, batch):
    x, y = batch
    same = _moved(network, batch, method="trades", steps=2)
    other = _moved(network, (x, (y + 1) % 16), method="trades", steps=2)
    assert torch.equal(same, other)
    with torch.no_grad():
        answers = network(x).softmax(1)
        assert movers.divergence(network(same), answers) > 10 * movers.divergence(network(x + 0.001), answers)


def test_the_search_leaves_batch_norms_and_mode_alone(site, batch):
    half = (0.5, 0.5, 0.5)
    own = restore("resnet20", site.checkpoint.state, mean=half, std=half, classes=16).train()
    before = {k: v.clone() for k, v in own.state_dict().items()}
    for method in movers.MOVERS:
        _moved(own, batch, method=method, steps=2)
    assert own.training
    assert all(torch.equal(v, before[k]) for k, v in own.state_dict().items())


# The loss


def test_the_loss_of_trades_is_that_of_its_formula(network, batch):
    x, y = batch
    given = _given(method="trades", steps=2, beta=3.0)
    found, _ = adversarial.objective(given)(network, x, y, np.random.default_rng(0))
    near = movers.moved(network, x, y, given, np.random.default_rng(0))
    with torch.no_grad():
        calm, hit = network(x).log_softmax(1), network(near).log_softmax(1)
    apart = (calm.exp() * (calm - hit)).sum(1).mean()
    own = -calm[torch.arange(len(y)), y].mean()
    assert float(found) == pytest.approx(float(own + 3.0 * apart), rel=1e-4)


def test_smoothing_takes_a_share_from_the_label_for_all_classes(network, batch):
    x, y = batch
    plain, logits = adversarial.objective(_given(steps=1))(network, x, y, np.random.default_rng(0))
    smooth, _ = adversarial.objective(_given(steps=1, smooth=0.2))(network, x, y, np.random.default_rng(0))
    even = -logits.log_softmax(1).mean()
    assert float(smooth) == pytest.approx(0.8 * float(plain) + 0.2 * float(even), rel=1e-4)


@pytest.mark.parametrize(
    ("own", "passes"),
    [
        ({"steps": 2}, 3.0),
        ({"steps": 2, "clean": 0.5}, 4.0),
        ({"method": "n-fgsm"}, 2.0),
        ({"method": "trades", "steps": 2}, 4 + 1 / 3),
    ],
)
def test_passes_are_those_that_a_step_makes(own, passes):
    assert STAGES["adversarial"].passes(_given(**own)) == pytest.approx(passes)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"method": "fgsm"}, "no method 'fgsm'; known: n-fgsm, pgd, trades"),
        ({"method": "trades", "clean": 0.5}, "trades has clean images in its loss already.* clean = 0.5"),
        ({"smooth": 1.0}, r"smooth in 0\.\.1, below 1, got 1"),
        ({"decay": 1.0, "average": 1}, r"decay in 0\.\.1, below 1, got 1"),
        ({"decay": 0.9}, r"decay = 0\.9 is of an average; say of how many last epochs"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_trained(own, said, site):
    with pytest.raises(ValueError, match=said):
        STAGES["adversarial"].run(site, _given(**own))


# The average


def test_an_average_that_forgets_is_plain_while_short_and_follows_then():
    class Run:
        network, average, averaged = nn.Linear(1, 1, bias=False), {}, 0

    run, expected = Run(), 0.0
    for step in range(1, 30):
        run.network.weight.data.fill_(step)
        average.add(run, 0.9)
        expected += (step - expected) * max(1 / step, 0.1)
    assert float(run.average["weight"]) == pytest.approx(expected)
    assert 15 < expected < 25  # the plain mean is 15, the last weight 29


def test_the_stage_averages_its_last_epochs_with_the_decay_asked_for(site):
    plain, forgets = (
        STAGES["adversarial"].run(site, _given(**FEW, method="n-fgsm", average=1, decay=decay))
        for decay in (0.0, 0.5)
    )
    assert forgets.notes["averaged"]["steps"] == 4
    assert any(not np.array_equal(plain.state[k], forgets.state[k]) for k in plain.state)


# Overfitting


def test_the_share_that_pgd_leaves_is_that_of_pgd(site):
    run = train.start(
        Recipe("signs", "resnet20", "x", size=16, early_size=16),
        {k: torch.tensor(v) for k, v in site.checkpoint.state.items()},
    )
    run.network.train()
    found = watch.robust(run, site.valid, 2 / 255, np.random.default_rng(5))
    assert run.network.training
    run.network.eval()
    x, y = torch.from_numpy(site.valid.pixels).float() / 255, torch.from_numpy(site.valid.y)
    moved = pgd(run.network, x, y, 2 / 255, rng=np.random.default_rng(5), steps=10)
    right = (run.network(moved).argmax(1) == y).float().mean()
    assert found == pytest.approx(float(right), abs=1e-5)
    assert 0 < found < 1


def test_a_stage_that_overfits_ends_with_the_epoch_before(site, monkeypatch):
    shares = iter([0.4, 0.5, 0.02, 0.6])
    monkeypatch.setattr(watch, "robust", lambda *given: next(shares))
    kept = []
    monkeypatch.setattr(
        finetune.train, "_save", lambda run, file, mark: kept.append(run.network.body.state_dict())
    )
    few = {**FEW, "epochs": 4, "average": 2}
    outcome = STAGES["adversarial"].run(site, _given(**few, method="n-fgsm", watch=16))
    assert [row["robust"] for row in outcome.log] == [0.4, 0.5, 0.02]
    assert outcome.notes["overfitted"] == 3
    assert outcome.notes["kept_epoch"] == 2
    assert "averaged" not in outcome.notes
    two = STAGES["adversarial"].run(site, _given(**{**few, "average": 0}, method="n-fgsm"))
    assert len(two.log) == 4


def test_the_weights_after_overfitting_are_those_of_the_last_good_epoch(site, monkeypatch, tmp_path):
    seen = []

    def look(run, *rest):
        seen.append({k: v.clone() for k, v in run.network.body.state_dict().items()})
        return [0.4, 0.5, 0.02][len(seen) - 1]

    monkeypatch.setattr(watch, "robust", look)
    own = StageInput(site.checkpoint, site.train, site.valid, seed=3, keep=tmp_path / "run.pt")
    given = _given(**{**FEW, "epochs": 4}, method="n-fgsm", watch=16)
    outcome = STAGES["adversarial"].run(own, given)
    assert all(np.array_equal(outcome.state[k], seen[1][k].numpy()) for k in outcome.state)
    again = STAGES["adversarial"].run(own, given)  # a finished run that is asked for again trains nothing
    assert len(seen) == 3
    assert all(np.array_equal(again.state[k], outcome.state[k]) for k in outcome.state)


def test_a_stage_that_is_not_watched_says_nothing_of_it(site):
    outcome = STAGES["adversarial"].run(site, _given(**FEW, steps=1))
    assert all("robust" not in row for row in outcome.log)
    assert "overfitted" not in outcome.notes


def test_n_fgsm_makes_a_network_robuster_than_more_clean_training_does(site):
    few = {**FEW, "epochs": 12, "lr": 0.005, "pad": 0}
    hard = STAGES["adversarial"].run(site, _given(**few, method="n-fgsm", eps=6.0))
    plain = STAGES["clean"].run(site, options("clean", STAGES, few))
    shares = []
    for outcome in (hard, plain):
        run = train.start(
            Recipe("signs", "resnet20", "x", size=16, early_size=16),
            {k: torch.tensor(v) for k, v in outcome.state.items()},
        )
        shares.append(watch.robust(run, site.train, 6 / 255, np.random.default_rng(0)))
    assert shares[0] > shares[1] + 0.1
