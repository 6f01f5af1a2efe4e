"""What makes one network another: all that its answers follow from, and nothing that differs by process."""

import copy
import subprocess
import sys
from functools import cache, cached_property, partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import resq
from resq.api import models
from resq.core.errors import ResqError
from resq.core.paths import ROOT
from resq.networks import identity

BASE = "signs/resnet20/base"
GAIN = 1.0


def later(value):
    return type("Later", (), {"made": cached_property(lambda self: value)})


def turned(sign):
    return lambda z: z * sign


class Own(nn.Module):
    """A network whose answers follow from more than its parameters."""

    scale = 1.0

    def __init__(self, gain=1.0, act=F.relu):
        super().__init__()
        torch.manual_seed(0)
        self.gain, self.act, self.table = gain, act, {"shifts": [0.0, (1.0,)]}
        self.mask = np.ones(8, np.float32)
        self.conv, self.head = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 16)

    def forward(self, x):
        return self.head(self.act(self.conv(x)).mean((2, 3)) * self.gain * self.scale * GAIN)


class Below(Own):
    pass


def attribute(network):
    network.gain = 0.5


def element(network):
    network.table["shifts"][1] = (2.0,)


def array(network):
    network.mask[3] = 0


def tensor(network):
    network.extra = torch.zeros(3)


def hook(network):
    network.conv.register_forward_hook(lambda module, inputs, out: out * 0)


def hook_before(network):
    network.register_forward_pre_hook(turned(-1))


def override(network):
    network.forward = turned(0)


def override_below(network):
    network.conv.forward = partial(F.relu, inplace=False)


def closure(network):
    network.act = turned(2.0)


def settings(network):
    network.act = partial(F.leaky_relu, negative_slope=0.3)


CHANGES = [attribute, element, array, tensor, hook, hook_before, override, override_below, closure, settings]


def quantized(scale):
    return torch.quantize_per_tensor(torch.ones(3) * scale, 0.1, 0, torch.qint8)


def sparse(scale):
    return (torch.eye(3) * scale).to_sparse()


def packed(scale):
    layer = nn.Linear(3, 2)
    nn.init.constant_(layer.weight, scale)
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(layer), {nn.Linear})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("made", [quantized, sparse, packed])
def test_numbers_that_lie_packed_in_memory_count_too(made):
    digests = []
    for scale in (1.0, 1.0, 2.0):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3))
        network.extra = made(scale)
        digests.append(identity.digest(network))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_network_that_differs_in_what_it_computes_is_another_one(change):
    network = Own()
    before = identity.digest(network)
    assert identity.digest(copy.deepcopy(network)) == before
    change(network)
    assert identity.digest(network) != before
    assert identity.digest(copy.deepcopy(network)) == identity.digest(network)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (turned(1), turned(2)),
        (partial(F.gelu, approximate="tanh"), partial(F.gelu, approximate="none")),
        (lambda z: z, lambda z: -z),
        (torch.no_grad()(lambda z: z), torch.no_grad()(lambda z: -z)),
        (cache(turned(1)), cache(turned(2))),
        (later(1), later(2)),
        (F.relu, F.relu6),
        (Own(1.0).forward, Own(2.0).forward),
    ],
)
def test_functions_and_classes_in_attributes_differ_by_their_code_and_what_they_close_over(one, other):
    assert identity.digest(Own(act=one)) != identity.digest(Own(act=other))


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(Own, "scale", 2.0),
        lambda patch: patch.setattr(Own, "forward", lambda self, x: self.head(self.conv(x).mean((2, 3)))),
        lambda patch: patch.setattr(sys.modules[__name__], "GAIN", 3.0),
        lambda patch: patch.setattr(nn.Conv2d, "forward", lambda self, x: x),
    ],
    ids=["a base's value", "a base's code", "a global that it reads", "a library's forward"],
)
def test_a_base_class_or_a_global_that_changes_makes_another_network(change, monkeypatch):
    before = identity.digest(Below())
    change(monkeypatch)
    assert identity.digest(Below()) != before


def test_training_mode_counts_of_hooks_and_who_shares_a_value_make_no_other_network():
    one, other = Own(), Own().eval()
    other.table = {"shifts": [0.0, (float("1.0"),)]}
    for network in (one, other):
        network.conv.register_forward_hook(turned(1)).remove()
    other.conv.register_forward_hook(lambda *_: None).remove()
    network = one.conv.register_forward_hook(turned(3)), other.conv.register_forward_hook(turned(3))
    assert len({handle.id for handle in network}) == 2
    assert identity.digest(one) == identity.digest(other)


SCRIPT = """
import sys
from resq.networks import identity
from tests.api.test_identity import Own, turned
network = Own(act=turned(2.0))
network.words = {"stored", "flipped", "read", "masked"}
network.kind = lambda z: z in {"stored", "flipped", "read"}
network.conv.register_forward_hook(turned(3))
print(identity.digest(network))
"""


def test_the_digest_is_the_same_in_every_process():
    told = {
        subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, check=True, capture_output=True, text=True,
                       env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1
    assert len(told.pop().strip()) == 64


def test_two_networks_of_one_class_that_differ_in_an_attribute_are_two_curves():
    x, y = resq.load_images("signs", n=40)
    one, other = (resq.sweep(Own(gain), x, y, ber=0, maps=1).rows[0] for gain in (1.0, 0.0))
    assert one["checkpoint"] != other["checkpoint"]
    assert one["weights"] != other["weights"]
    assert one["key"] != other["key"]


@pytest.mark.parametrize("change", [hook, override], ids=["a hook", "another forward"])
def test_a_loaded_network_with_a_hook_or_another_forward_is_measured_as_it_computes(change):
    x, y = resq.load_images("signs", n=60)
    network = resq.load(BASE)
    assert models.name_of(network) == BASE
    if change is hook:
        network.register_forward_hook(lambda module, inputs, out: out * 0)
    else:
        network.body.forward = lambda z: torch.zeros(len(z), 16)
    with torch.no_grad():
        right = int((network(x).argmax(1) == y).sum())
    row = resq.sweep(network, x, y, ber=0, maps=1).rows[0]
    assert row["checkpoint"].startswith("ResNet20@")
    assert row["correct"] == right < 20


def test_a_hook_taken_off_again_leaves_the_checkpoint():
    network = resq.load(BASE)
    network.register_forward_hook(lambda module, inputs, out: out * 0).remove()
    assert models.name_of(network) == BASE


def replaced(network):
    before = network.forward
    network.forward = lambda x: before(x) * 2


def hooked(network):
    network.conv.register_forward_hook(lambda module, inputs, out: out + network.head.bias[0])


def wired(network):
    network.act = partial(lambda part, z: part(z), turned(network.gain))
    network.forward = network.head.forward


@pytest.mark.parametrize(("change", "where"), [(replaced, "forward"), (hooked, "conv._forward_hooks")])
def test_a_function_that_calls_the_module_given_is_refused_because_no_flip_would_reach_it(change, where):
    network = Own()
    change(network)
    with pytest.raises(ResqError, match=f"{where} of Own leads back to the very module that you gave"):
        resq.quantize(network)


def test_a_bound_method_of_a_part_is_copied_with_it():
    network = Own()
    wired(network)
    copied = resq.quantize(network)
    assert copied.forward.__self__ is copied.head
