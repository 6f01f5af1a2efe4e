"""Folded batch norms compute what they computed, and only where that is certain."""

import numpy as np
import pytest
import torch
from torch import nn

from resq import checkpoints, data, networks
from resq.core import BitFlips, Encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.fold_batchnorm import fold
from resq.measure.run import sweep
from resq.memory import faults, quant


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _norms(body: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in body.modules())


def _unsettled(body: nn.Module) -> nn.Module:
    """The network with norms that are not the identity: seeded statistics, gains and shifts."""
    rng = torch.Generator().manual_seed(1)
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.running_mean, module.bias.data):
                value.normal_(0, 0.2, generator=rng)
            for value in (module.running_var, module.weight.data):
                value.uniform_(0.5, 1.5, generator=rng)
    return body.eval()


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "vgg16", "efficientnet_b0"])
def test_a_folded_network_has_no_norm_left_and_the_same_logits(images, name):
    body = _unsettled(networks.build(name, 10, mean=(0.5,) * 3, std=(0.25,) * 3).body)
    with torch.no_grad():
        expected, norms = body(images), _norms(body)
        factors = fold(body)
        assert _norms(body) == 0
        assert len(factors) == norms > 0
        torch.testing.assert_close(body(images), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_the_factor_is_gain_over_deviation_and_the_shift_goes_into_the_bias():
    body = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.0)).eval()
    with torch.no_grad():
        body[0].weight.fill_(2), body[0].bias.fill_(3)
        body[1].weight.fill_(10), body[1].bias.fill_(7)
        body[1].running_mean.fill_(1), body[1].running_var.fill_(4)
    assert fold(body)["0.weight"].tolist() == [5]  # 10 / sqrt(4)
    assert body[0].weight.item() == 10  # 2 x 5
    assert body[0].bias.item() == 17  # 7 + (3 - 1) x 5


@pytest.mark.parametrize("name", ["resnet18_gn", "swin_t"])
def test_networks_without_batch_norm_are_left_alone(name):
    body = networks.build(name, 10, mean=(0.5,) * 3, std=(0.25,) * 3).body
    assert fold(body) == {}


class Shared(nn.Module):
    """A convolution that the norm and the output both read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x):
        y = self.conv(x)
        return self.norm(y) + y


class Branching(Shared):
    """Decides by the values of its input, which cannot be traced."""

    def forward(self, x):
        return self.norm(self.conv(x)) if x.sum() > 0 else x


class Twice(Shared):
    """One convolution used at two places, its norm at one."""

    def forward(self, x):
        return self.norm(self.conv(self.conv(x)))


@pytest.mark.parametrize("kind", [Shared, Branching, Twice])
def test_where_folding_could_change_the_function_nothing_is_folded(images, kind):
    body = kind().eval()
    before = body(images)
    assert fold(body) == {}
    assert torch.equal(body(images), before)


def test_a_flipped_words_float_is_multiplied_by_its_channels_factor_and_no_other_float_moves(tiny):
    bench = FaultyNetwork(tiny, Encoding(8))
    name, index = "layer2.0.conv1.weight", 1000  # of shape (32, 16, 3, 3): output channel 1000 // 144 = 6
    q = bench.model.weights[name]
    weight = dict(bench.network.body.named_parameters())[name]
    before = weight.clone()
    with bench.flipped(faults.one_bit(bench.model.layout, name, index, 7)):
        changed = torch.nonzero((weight != before).flatten()).flatten().tolist()
        after = weight.flatten()[index].item()
    word = q.words.reshape(-1)[index] ^ 0x80
    stored = quant.values(np.array([word]), q.scale[6:7], q.zero[6:7], q.encoding)[0]
    assert changed == [index]
    assert after == stored * bench.factors[name][6]


@pytest.mark.parametrize("name", ["fp32", "bf16"])
def test_words_that_reach_3e38_are_not_folded_and_infinity_still_shows(tiny, name):
    bench = FaultyNetwork(tiny, Encoding.parse(name))
    assert bench.factors == {}
    top = bench.encoding.bits - 2  # the highest bit of the exponent: 0.1 becomes 3e37
    address = np.array([bench.model.layout.address("conv1.weight", i, top) for i in range(27)])
    with bench.flipped(BitFlips(address, np.zeros(27))) as network:
        _, due = sweep.score(network, torch.rand(4, 3, 32, 32), torch.zeros(4, dtype=torch.long))
    assert due == 4


def test_nan_of_half_precision_words_passes_through_a_folded_weight(tiny):
    bench = FaultyNetwork(tiny, Encoding.parse("fp16"))
    assert bench.factors
    q = bench.model.weights["conv1.weight"]
    word = int(q.words.reshape(-1)[0])
    wanted = 0x7E00  # NaN
    bits = [bit for bit in range(16) if (word ^ wanted) >> bit & 1]
    address = np.array([bench.model.layout.address("conv1.weight", 0, bit) for bit in bits])
    with bench.flipped(BitFlips(address, np.zeros(len(bits)))) as network:
        _, due = sweep.score(network, torch.rand(4, 3, 32, 32), torch.zeros(4, dtype=torch.long))
    assert due == 4


def test_under_faults_the_folded_network_answers_as_the_unfolded_one():
    checkpoint = checkpoints.load("signs/resnet20/base")
    images = data.load("signs", "test").first(100)
    x, y = sweep.pixels(images), torch.from_numpy(images.y)
    benches = [FaultyNetwork(checkpoint, Encoding(8), folded=folded) for folded in (True, False)]
    flips = faults.random(faults.region(benches[0].model.layout), 0.01, rng=np.random.default_rng(0))
    counts = []
    for bench in benches:
        with bench.flipped(flips) as network:
            counts.append(sweep.score(network, x, y)[0])
    assert abs(counts[0] - counts[1]) <= 1  # rounding may move a tie
    assert counts[0] < 99
