"""Which pixels move: FGSM by hand, PGD as Foolbox has it, and what every attack promises."""

import sys
from functools import partial

import foolbox
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from resq import data, networks
from resq.attacks import gradient as gradient_module
from resq.attacks.gradient import ATTACKS, fgsm, gradient, pgd

# The same attacks with less work: what they promise does not depend on it.
SHORT = {"apgd": {"steps": 3}, "autoattack": {"steps": 1, "queries": 3}, "square": {"queries": 200}}
ATTACK = {name: partial(attack, **SHORT.get(name, {})) for name, attack in ATTACKS.items()}
every_attack = pytest.mark.parametrize("name", ATTACKS)
EPS = 8 / 255


@pytest.fixture(scope="module")
def f(tiny) -> networks.Network:
    source = data.source(tiny.data)
    return networks.restore("resnet20", tiny.state, mean=source.mean, std=source.std, classes=16)


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def y(f, x) -> Tensor:
    """Labels that the network gets right, except those of images 0 and 1."""
    with torch.no_grad():
        labels = f(x).argmax(1)
    labels[:2] = (labels[:2] + 1) % 16
    return labels


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _wrong(f, x_adv: Tensor, y: Tensor) -> set[int]:
    with torch.no_grad():
        return set(torch.nonzero(f(x_adv).argmax(1) != y).flatten().tolist())


def _brightness(x: Tensor) -> Tensor:
    """Two logits: the sum of the pixels, and nothing."""
    total = x.sum(dim=(1, 2, 3))
    return torch.stack([total, torch.zeros_like(total)], dim=1)


def test_fgsm_darkens_what_is_called_bright_and_brightens_what_is_not():
    x = torch.tensor([0.5, 0.01, 0.99]).view(1, 3, 1, 1)
    darker = fgsm(_brightness, x, torch.tensor([0]), 0.1).flatten()
    brighter = fgsm(_brightness, x, torch.tensor([1]), 0.1).flatten()
    torch.testing.assert_close(darker, torch.tensor([0.4, 0.0, 0.89]))
    torch.testing.assert_close(brighter, torch.tensor([0.6, 0.11, 1.0]))


def test_the_gradient_is_that_of_the_summed_loss_so_images_do_not_dilute_each_other(f, x, y):
    alone = torch.cat([gradient(f, x[i : i + 1], y[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(gradient(f, x[:3], y[:3]), alone, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("eps", [2 / 255, EPS, 0.2])
@pytest.mark.parametrize("steps", [1, 10])
def test_pgd_from_the_image_itself_is_foolboxs_linf_pgd(f, x, y, eps, steps):
    theirs = foolbox.attacks.LinfPGD(abs_stepsize=2 / 255, steps=steps, random_start=False)
    model = foolbox.PyTorchModel(f, bounds=(0, 1), device="cpu")
    _, expected, _ = theirs(model, x, y, epsilons=eps)
    ours = pgd(f, x, y, eps, rng=_rng(), steps=steps, random_start=False, early_stop=False)
    assert (ours - expected).abs().max() <= 1e-6
    assert (ours - x).abs().max() > 0


def test_one_pgd_step_of_the_whole_budget_is_fgsm(f, x, y):
    ours = pgd(f, x, y, EPS, rng=_rng(), steps=1, step=EPS, random_start=False, early_stop=False)
    torch.testing.assert_close(ours, fgsm(f, x, y, EPS), rtol=0, atol=1e-6)


@every_attack
@pytest.mark.parametrize("eps", [1 / 255, EPS, 0.3])
def test_no_pixel_moves_further_than_the_budget_or_out_of_the_picture(f, x, y, name, eps):
    moved = ATTACK[name](f, x, y, eps, rng=_rng())
    assert (moved - x).abs().max() <= eps + 1e-6
    assert moved.min() >= 0
    assert moved.max() <= 1


@every_attack
def test_a_budget_of_zero_returns_the_images_bit_for_bit(f, x, y, name):
    assert torch.equal(ATTACK[name](f, x, y, 0.0, rng=_rng()), x)


@every_attack
@pytest.mark.parametrize("eps", [8, -0.01, float("nan")])
def test_a_budget_outside_the_pixel_range_is_refused_with_its_value(f, x, y, name, eps):
    with pytest.raises(
        ValueError, match=rf"eps must lie in \[0, 1\] of the pixel range, got {eps:g} .8/255 is 0.03"
    ):
        ATTACK[name](f, x, y, eps, rng=_rng())


@every_attack
def test_an_attack_makes_errors_and_changes_neither_images_nor_network(f, x, y, name):
    images, before = x.clone(), {k: v.clone() for k, v in f.state_dict().items()}
    moved = ATTACK[name](f, x, y, 0.1, rng=_rng())
    assert len(_wrong(f, moved, y)) > len(_wrong(f, x, y))
    assert torch.equal(x, images)
    assert all(torch.equal(before[k], v) for k, v in f.state_dict().items())
    assert all(p.grad is None for p in f.parameters())
    assert not moved.requires_grad


@every_attack
def test_the_same_random_stream_moves_the_same_pixels(f, x, y, name):
    attack = ATTACK[name]
    assert torch.equal(attack(f, x, y, EPS, rng=_rng(5)), attack(f, x, y, EPS, rng=_rng(5)))


def test_another_random_stream_starts_pgd_elsewhere(f, x, y):
    assert not torch.equal(pgd(f, x, y, EPS, rng=_rng(5)), pgd(f, x, y, EPS, rng=_rng(6)))


@every_attack
def test_the_global_generators_are_not_moved(f, x, y, name):
    before = torch.get_rng_state(), repr(np.random.get_state(legacy=False))  # noqa: NPY002 - the state under test
    ATTACK[name](f, x, y, EPS, rng=_rng())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert repr(np.random.get_state(legacy=False)) == before[1]  # noqa: NPY002


@pytest.mark.parametrize("eps", [1 / 255, 3 / 255])
def test_stopping_at_the_first_error_is_never_weaker(f, x, y, eps):
    plain = pgd(f, x, y, eps, rng=_rng(), steps=5, early_stop=False)
    stopped = pgd(f, x, y, eps, rng=_rng(), steps=5, early_stop=True)
    assert _wrong(f, plain, y) <= _wrong(f, stopped, y)


@pytest.mark.parametrize("seed", range(3))
def test_more_restarts_are_never_weaker(f, x, y, seed):
    fooled = [
        _wrong(f, pgd(f, x, y, 1 / 255, rng=_rng(seed), steps=2, step=1 / 255, restarts=n), y)
        for n in (1, 2, 4)
    ]
    assert fooled[0] <= fooled[1] <= fooled[2]


@pytest.mark.parametrize("eps", [1 / 255, 2 / 255, 4 / 255])
def test_of_restarts_that_take_all_steps_the_worst_of_every_image_is_kept(f, x, y, eps):
    """Each restart alone is the next start of the same random stream."""
    rng = _rng(3)
    alone = [pgd(f, x, y, eps, rng=rng, steps=3, early_stop=False) for _ in range(4)]
    kept = pgd(f, x, y, eps, rng=_rng(3), steps=3, restarts=4, early_stop=False)
    assert _wrong(f, kept, y) == set().union(*(_wrong(f, one, y) for one in alone))
    with torch.no_grad():
        losses = torch.stack([cross_entropy(f(one), y, reduction="none") for one in alone])
        found = cross_entropy(f(kept), y, reduction="none")
    undecided = torch.tensor([i not in _wrong(f, kept, y) for i in range(len(x))])
    assert torch.allclose(found[undecided], losses.max(0).values[undecided], rtol=1e-4)
    assert losses.argmax(0).unique().numel() > 1  # not one restart that is the worst for all
    assert torch.equal(pgd(f, x, y, eps, rng=_rng(3), steps=3, early_stop=False), alone[0])


def test_an_image_without_an_answer_is_the_worst_that_a_restart_can_find(y):
    """Logits that are no numbers where the first pixel is bright; the later restart is not taken for it."""

    def network(x: Tensor) -> Tensor:
        dark = x[:, :1, 0, 0] < 0.5
        return torch.where(dark, x.mean((1, 2, 3))[:, None], torch.nan).expand(len(x), 16)

    bright, dim = torch.ones(12, 3, 16, 16), torch.zeros(12, 3, 16, 16)
    assert gradient_module._worse(network, bright, dim, y).all()
    assert not gradient_module._worse(network, dim, bright, y).any()
    assert not gradient_module._worse(network, bright, bright, y).any()


def test_a_random_start_fills_the_box_and_stays_in_it():
    # Wherever it is moved, an image is wrong at once, so that the start itself comes back.
    def brittle(x: Tensor) -> Tensor:
        moved = (x != 0.5).flatten(1).any(dim=1).float()
        return torch.stack([1 - moved, moved], dim=1) + 0 * x.sum(dim=(1, 2, 3))[:, None]

    x, y = torch.full((4, 3, 8, 8), 0.5), torch.zeros(4, dtype=torch.long)
    shift = pgd(brittle, x, y, 0.1, rng=_rng()) - x
    assert 0.095 < shift.max() <= 0.1 + 1e-6
    assert -0.095 > shift.min() >= -0.1 - 1e-6
    assert shift.mean().abs() < 4 * 0.1 / (3 * shift.numel()) ** 0.5


@every_attack
def test_a_broken_network_that_answers_nan_cannot_move_an_image_out_of_the_box(x, y, name):
    moved = ATTACK[name](lambda z: torch.full((len(z), 16), torch.nan) * z.sum(), x, y, EPS, rng=_rng())
    assert (moved - x).abs().max() <= EPS + 1e-6


def test_restarts_go_on_from_where_the_last_one_failed():
    # Only a start within 0.02 of one corner of the box is fooled, so a single start almost always fails.
    def needle(x: Tensor) -> Tensor:
        hit = (x.flatten(1) - 0.6).abs().max(dim=1).values < 0.02
        return torch.stack([(~hit).float() + 0 * x.sum(dim=(1, 2, 3)), hit.float()], dim=1)

    x, y = torch.full((200, 1, 1, 2), 0.5), torch.zeros(200, dtype=torch.long)
    fooled = [
        len(_wrong(needle, pgd(needle, x, y, 0.1, rng=_rng(), steps=1, restarts=n), y)) for n in (1, 40)
    ]
    assert fooled[0] < fooled[1]


def test_images_that_are_wrong_already_are_left_alone_when_stopping(f, x, y):
    moved = pgd(f, x, y, EPS, rng=_rng())
    assert torch.equal(moved[:2], x[:2])
    assert not torch.equal(moved[2:], x[2:])


def test_what_happens_to_an_image_does_not_depend_on_the_others():
    x, y = (
        torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(1)),
        torch.zeros(6, dtype=torch.long),
    )
    others_wrong = torch.tensor([1, 1, 0, 1, 0, 1])
    alone = pgd(_brightness, x, y, EPS, rng=_rng(), steps=3)
    assert torch.equal(alone[[2, 4]], pgd(_brightness, x, others_wrong, EPS, rng=_rng(), steps=3)[[2, 4]])


@pytest.mark.parametrize(
    ("settings", "said"), [({"steps": 0}, "got 0 and 1"), ({"restarts": 0}, "got 10 and 0")]
)
def test_pgd_without_a_step_or_a_restart_is_refused(f, x, y, settings, said):
    with pytest.raises(ValueError, match=f"PGD needs at least 1 step and 1 restart, {said}"):
        pgd(f, x, y, EPS, rng=_rng(), **settings)


def test_apgd_and_autoattack_are_never_weaker_than_the_clean_errors_and_autoattack_than_apgd(f, x, y):
    x, y = x[:5], y[:5]
    wrong = {name: _wrong(f, ATTACK[name](f, x, y, 1 / 255, rng=_rng()), y) for name in SHORT}
    assert _wrong(f, x, y) <= wrong["apgd"]
    assert len(wrong["apgd"]) - 1 <= len(wrong["autoattack"])


def test_apgd_breaks_at_least_what_pgd_of_as_many_steps_breaks(f, x, y):
    eps, x, y = 1 / 255, x[:4], y[:4]
    weak = _wrong(f, pgd(f, x, y, eps, rng=_rng(), steps=8), y)
    assert len(weak) <= len(_wrong(f, ATTACKS["apgd"](f, x, y, eps, rng=_rng(), steps=8), y))


@pytest.mark.parametrize("name", SHORT)
def test_the_package_always_gets_a_seed_from_the_random_stream(monkeypatch, f, x, y, name):
    import pyautoattack

    seeds = []

    class Spy(pyautoattack.AutoAttack):
        def __init__(self, *given, **named):
            seeds.append(named["seed"])
            super().__init__(*given, **named)

    monkeypatch.setattr(pyautoattack, "AutoAttack", Spy)
    for stream in (1, 1, 2):
        ATTACK[name](f, x[:1], y[:1], EPS, rng=_rng(stream))
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_trace_function_survives_the_packages_own(f, x, y):
    def trace(*_):
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ATTACK["apgd"](f, x[:2], y[:2], EPS, rng=_rng())
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("name", SHORT)
def test_a_missing_package_is_a_sentence_that_says_how_to_get_it(monkeypatch, f, x, y, name):
    monkeypatch.setitem(sys.modules, "pyautoattack", None)
    with pytest.raises(ValueError, match=r"not installed: pip install pyautoattack==0\.2\.0"):
        ATTACK[name](f, x, y, EPS, rng=_rng())


def test_too_few_classes_for_the_targeted_loss_are_refused(x):
    with pytest.raises(ValueError, match="at least 4 classes, got 2"):
        ATTACK["apgd"](_brightness, x, torch.zeros(len(x), dtype=torch.long), EPS, rng=_rng())


def test_pgd_steps_by_two_levels_of_a_pixel(f, x, y):
    inside = x.clamp(0.2, 0.8)
    moved = pgd(f, inside, y, 0.1, rng=_rng(), steps=1, random_start=False, early_stop=False)
    torch.testing.assert_close((moved - inside).abs().max(), torch.tensor(2 / 255))
