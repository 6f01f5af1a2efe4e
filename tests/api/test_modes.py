"""What a caller has switched off in torch changes nothing of what is measured."""

import numpy as np
import pytest
import torch
from torch import nn

import resq

ATTACKS = ["fgsm", "pgd", "apgd", "square"]
MODES = [torch.no_grad, torch.inference_mode]


class Heads(nn.Module):
    """A network with a head that evaluation does not read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.aside, self.fc = nn.Linear(8, 3), nn.Linear(8, 5)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv(x))).mean((2, 3))
        return (self.fc(h), self.aside(h)) if self.training else self.fc(h)


def pictures():
    rng = torch.Generator().manual_seed(0)
    return torch.rand(16, 3, 12, 12, generator=rng), torch.randint(0, 5, (16,), generator=rng)


def network():
    torch.manual_seed(0)
    return Heads().eval()


def measured_numbers():
    model, (x, y) = network(), pictures()
    attacked = resq.attack(model, x, y, eps=8, steps=3, progress=False)
    joint = resq.sweep(model, x, y, ber=0.01, eps=8, mode="adaptive", maps=1, steps=2, progress=False)
    heat = resq.sensitivity(model, x, y, measured=True, maps=1, progress=False)
    moved = resq.load(model, mean=[0.5] * 3, std=[0.5] * 3)
    other = resq.attack(moved, x, y, eps=8, steps=3, progress=False)
    with resq.flip_bits(model, ber=0.01) as faulty:
        inside = resq.sensitivity(faulty, x, y, progress=False)
    rows = [row["correct"] for result in (attacked, joint, other) for row in result.rows]
    return rows, heat.frame["change"].tolist(), inside.frame["change"].tolist()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_measured_is_the_same_in_every_mode_of_the_caller(mode):
    with mode():
        inside = measured_numbers()
    assert inside == measured_numbers()
    assert any(inside[1])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_finds_the_same_images_in_every_mode_of_the_caller(mode, name):
    model = network()
    with torch.no_grad():
        x = pictures()[0]
        y = model(x).argmax(1)
    fewer = {"queries": 20} if name == "square" else {} if name == "fgsm" else {"steps": 3}

    def moved(images, labels):
        rng = np.random.default_rng(0)
        return resq.ATTACKS[name](model, images, labels, 0.5, rng=rng, **fewer)

    with mode():
        found = moved(x.clone(), y.clone())
    assert torch.equal(found, moved(x, y))
    assert not torch.equal(found, x)


def test_what_was_made_in_inference_mode_is_measured_outside_it():
    with torch.inference_mode():
        model, loaded, (x, y) = network(), resq.load("signs/resnet20/base"), pictures()
    expected = resq.sensitivity(network(), *pictures(), progress=False).frame["change"]
    assert resq.sensitivity(model, x, y, progress=False).frame["change"].tolist() == expected.tolist()
    assert not any(value.is_inference() for value in loaded.parameters())


def test_a_weight_that_evaluation_does_not_read_costs_nothing():
    heat = resq.sensitivity(network(), *pictures(), measured=True, maps=1, progress=False).frame
    assert set(heat["layer"]) == {"conv.weight", "aside.weight", "fc.weight"}
    assert not heat[heat["layer"] == "aside.weight"]["change"].any()
    assert heat[heat["layer"] == "fc.weight"]["change"].any()
