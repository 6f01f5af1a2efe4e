"""A module of a person's own under every encoding, fault and precision: as its forward has it, or refused."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

import resq
from resq import checkpoints
from resq.api import models
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.measure.engine.faulty_network import FaultyNetwork


class Standardised(nn.Conv2d):
    """Its weight is brought to mean 0 and deviation 1 before it is used."""

    def forward(self, x):
        w = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x, w / w.std((1, 2, 3), keepdim=True), self.bias)


class Doubled(nn.BatchNorm2d):
    """A norm that gives twice what it should."""

    def forward(self, x):
        return 2 * super().forward(x)


def hooked(conv):
    conv.register_forward_hook(lambda module, inputs, out: out.abs())
    return conv


class Small(nn.Module):
    """Two convolutions with their norms; ``wrap`` says what is returned."""

    def __init__(self, conv=nn.Conv2d, norm=nn.BatchNorm2d, channels=3, change=lambda m: m, wrap=lambda z: z):
        super().__init__()
        self.first, self.norm = change(conv(channels, 8, 3, padding=1)), norm(8)
        self.second, self.norm2 = change(conv(8, 8, 3, 2, 1)), norm(8)
        self.fc, self.wrap = nn.Linear(8, 5), wrap

    def forward(self, x):
        h = F.relu(self.norm2(self.second(F.relu(self.norm(self.first(x))))))
        return self.wrap(self.fc(h.mean((2, 3))))


class Branching(Small):
    """It cannot be traced."""

    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)


class Tied(Small):
    """Another layer multiplies by a convolution's weight."""

    def forward(self, x):
        return super().forward(x) + self.first.weight.mean()


class Twins(Small):
    """Two layers have one weight."""

    def __init__(self):
        super().__init__()
        self.other = nn.Conv2d(3, 8, 3, padding=1)
        self.other.weight = self.first.weight

    def forward(self, x):
        return super().forward(x) + self.other(x).mean()


def made(make=Small, **how):
    torch.manual_seed(2)
    network = make(**how)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.2, 2)
            module.running_mean.normal_()
    return network.eval()


def pictures(network, channels=3, even=True):
    """Images and what the network answers to them, ``even`` out over the classes."""
    rng = torch.Generator().manual_seed(0)  # each of a colour of its own, so that answers lie apart
    x = torch.rand(60, channels, 1, 1, generator=rng) * torch.rand(60, 1, 12, 12, generator=rng)
    with torch.no_grad():
        z = network(x)
        z = z[0] if isinstance(z, tuple) else z
        network.fc.bias -= even * z.mean(0)
        return x, (z - even * z.mean(0)).argmax(1)


def bench(network, x, encoding):
    return FaultyNetwork(checkpoints.load(models.name_of(network, x.numpy())), Encoding.parse(encoding))


def test_plain_layers_are_folded_and_compute_what_they_did():
    network = made()
    x, _ = pictures(network)
    folded = bench(network, x, "int8+folded").network
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.inference_mode():
        expected = bench(network, x, "int8").network(x)
        assert torch.allclose(folded(x), expected, atol=0.02 * float(expected.abs().max()))


def test_a_copy_of_a_checkpoint_folds_as_the_checkpoint_does():
    x, y = resq.load_images("signs", n=60)
    model = resq.load("signs/resnet20/base")
    asked = {"encoding": "int8+folded", "ber": [0, 1e-3], "maps": 2, "progress": False}
    one, other = (resq.sweep(m, x, y, **asked).rows for m in (model, copy.deepcopy(model)))
    assert [row["correct"] for row in one] == [row["correct"] for row in other]
    assert [row["bits"] for row in one] == [row["bits"] for row in other]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"conv": Standardised}, "first is of a class of its own, Standardised"),
        ({"norm": Doubled}, "norm is of a class of its own, Doubled"),
        ({"change": parametrizations.weight_norm}, "first is of a class of its own, ParametrizedConv2d"),
        ({"change": parametrizations.spectral_norm}, "first is of a class of its own, ParametrizedConv2d"),
        ({"change": torch.nn.utils.spectral_norm}, "first has hooks"),
        ({"change": hooked}, "first has hooks"),
        ({"make": Twins}, "first shares its parameters with another layer"),
        ({"make": Branching}, "Branching cannot be traced"),
    ],
)
def test_what_no_factor_can_follow_is_not_folded_and_measured_without(how, said):
    network = made(**how)
    x, y = pictures(network)
    asked = {"ber": 0, "maps": 1, "progress": False}
    with pytest.raises(ResqError, match=said):
        resq.sweep(network, x, y, encoding="int8+folded", **asked)
    assert resq.sweep(network, x, y, encoding="fp32", **asked).rows[0]["correct"] == 60


def test_a_weight_that_is_read_beside_its_layer_is_left_as_it_is():
    network = made(Tied)
    x, _ = pictures(network)
    folded = bench(network, x, "int8+folded").network
    with torch.inference_mode():
        expected = bench(network, x, "int8").network(x)
        assert torch.allclose(folded(x), expected, atol=0.02 * float(expected.abs().max()))


@pytest.mark.parametrize("encoding", ["int8+ranger", "fp32+ranger", "int4-tmr2+folded9+ranger"])
def test_limits_of_activations_want_training_images_which_a_module_names_none_of(encoding):
    network = made()
    x, y = pictures(network)
    for call in (resq.sweep, resq.sensitivity, lambda model, *_, **how: resq.quantize(model, **how)):
        with pytest.raises(ResqError, match=r"\+ranger cuts activations .*Small@.* names none; give"):
            call(network, x, y, encoding=encoding)
    with pytest.raises(ResqError, match="names none"), resq.flip_bits(network, ber=0.1, encoding=encoding):
        pass


def test_flips_in_activations_want_training_images_which_a_module_names_none_of():
    network = made()
    with pytest.raises(
        ResqError, match=r"bits of activations flip .* a module of your own names none; give another fault"
    ):
        resq.sweep(network, *pictures(network), fault="activations", ber=0.1, progress=False)


def as_pair(z):
    return z, z


@pytest.mark.parametrize(("channels", "wrap"), [(3, as_pair), (1, lambda z: z), (1, as_pair)])
def test_bfloat16_computes_what_the_module_does_whatever_it_takes_and_returns(channels, wrap):
    network = made(channels=channels, wrap=wrap)
    x, y = pictures(network, channels, even=False)
    checkpoint = checkpoints.load(models.name_of(network, x.numpy()))
    exact, fast = (
        FaultyNetwork(checkpoint, Encoding.parse("int8"), bf16=bf16).network for bf16 in (False, True)
    )
    with torch.inference_mode():
        expected, found = exact(x), fast(x)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    assert torch.allclose(found, expected, atol=0.03 * float(expected.abs().max()))
    swept = resq.sweep(network, x, y, encoding="int8", ber=[0], maps=2, precision="bf16", progress=False)
    assert {row["precision"] for row in swept.rows} == {"bf16"}
    assert swept.rows[0]["correct"] == int((found.argmax(1) == y).sum())


def test_bfloat16_puts_a_modules_normalisation_first_in_single_precision():
    network = made()
    x, _ = pictures(network, even=False)
    moved = resq.load(network, mean=[0.4] * 3, std=[0.3] * 3)
    checkpoint = checkpoints.load(models.name_of(moved, x.numpy()))
    fast = FaultyNetwork(checkpoint, Encoding.parse("int8"), bf16=True).network
    with torch.inference_mode():
        expected = moved(x)
        assert torch.allclose(fast(x), expected, atol=0.03 * float(expected.abs().max()))


class Mixed(Small):
    """A part of it asks for single precision."""

    def forward(self, x):
        return super().forward(x) + F.linear(x.mean((2, 3)), torch.ones(5, 3))


def test_a_module_that_bfloat16_does_not_suit_is_refused_in_a_sentence():
    network = made(Mixed)
    x, y = pictures(network)
    with pytest.raises(ResqError, match=r"Mixed does not compute in bfloat16: .*; precision fp32"):
        resq.sweep(network, x, y, precision="bf16", ber=0.1, maps=1, progress=False)
