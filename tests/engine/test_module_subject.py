"""A torch network of any architecture as a subject, and programs of torch.export, which are not opened."""

import numpy as np
import pytest
import torch
from torch import nn

from resq.core import BitFlips, seeds
from resq.measure.engine.module_subject import ModuleSubject
from resq.measure.engine.subject import Subject
from resq.memory import faults


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 10 * 10, 7).double().float(),
    )


@pytest.fixture
def x():
    return np.random.default_rng(0).integers(0, 256, (5, 1, 12, 12), dtype=np.uint8)


@pytest.mark.parametrize(("targets", "names"), [
    ("weights", ("0.weight", "4.weight")),
    ("all", ("0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias", "1.running_mean",
             "1.running_var")),
])  # fmt: skip
def test_its_words_are_the_bits_of_its_parameters(net, x, targets, names):
    subject: Subject = ModuleSubject(net, targets)
    assert subject.layout.layers == names
    for name, held in subject.weights.items():
        own = net.state_dict()[name].numpy().reshape(-1).view(np.uint32)
        assert (held.words == own).all()
    expected = net(torch.from_numpy(x.astype(np.float32)) / 255).detach().numpy()
    assert (subject.logits(x) == expected).all()


def test_a_flip_is_computed_with_and_undone_bit_for_bit(net, x):
    subject = ModuleSubject(net)
    before, clean = {n: v.clone() for n, v in net.state_dict().items()}, subject.logits(x)
    signs = np.array([subject.layout.address("4.weight", word, 31) for word in range(400)])
    with subject.flipped(BitFlips(signs, np.zeros(400))):
        assert torch.equal(net[4].weight[0], -before["4.weight"][0])
        assert torch.equal(net[4].weight[1:], before["4.weight"][1:])
        assert (subject.logits(x)[:, 0] != clean[:, 0]).any()
        assert (subject.logits(x)[:, 1:] == clean[:, 1:]).all()
    assert all(torch.equal(before[n], v) for n, v in net.state_dict().items())


def test_fault_maps_of_mixed_words_are_undone_even_after_an_error(x):
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 8).half().float(), nn.Linear(8, 3)).eval()
    net[1].weight = nn.Parameter(net[1].weight.detach())
    net.register_buffer("codes", torch.arange(-128, 128, dtype=torch.int8))
    subject = ModuleSubject(net, "all")
    assert subject.layout.widths[-1] == 8
    flips = faults.FAULTS["random"](faults.region(subject), 0.05, rng=seeds.rng(0, "map"))
    before = {n: v.clone() for n, v in net.state_dict().items()}

    def fail():
        with subject.flipped(flips):
            assert not torch.equal(net[1].weight, before["1.weight"])
            assert not torch.equal(net.codes, before["codes"])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert all(torch.equal(before[n], v) for n, v in net.state_dict().items())


def test_what_cannot_be_flipped_is_said(net):
    with pytest.raises(ValueError, match="weights or all, got 'biases'"):
        ModuleSubject(net, "biases")
    with pytest.raises(ValueError, match="no weights of numbers"):
        ModuleSubject(nn.ReLU())
    with pytest.raises(ValueError, match="weight must lie in the processor's memory in one piece"):
        ModuleSubject(nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last))
    subject = ModuleSubject(net)
    with (
        pytest.raises(ValueError, match="outside the module's bits"),
        subject.flipped(BitFlips(np.array([subject.layout.n_bits]), np.zeros(1))),
    ):
        pass
