"""Values kept for the next fault map stay what they are, whatever a person's own network writes into."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import resq
from resq import checkpoints, networks
from resq.api import models
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.measure.engine import graph_split, kept_values
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sensitivity
from resq.protect.singles import critical_bits

INT8 = Encoding.parse("int8")


def same(h, g, short, fc, conv):
    return fc((conv(h * g) + short).mean((2, 3)))


def written_by_method(h, g, short, fc, conv):
    h = h.mul_(g)
    z = conv(h)
    z = z.add_(short)
    return fc(z.mean((2, 3)))


def written_and_not_assigned(h, g, short, fc, conv):
    h.mul_(g)
    z = conv(h)
    z.add_(short)
    return fc(z.mean((2, 3)))


def written_by_operator(h, g, short, fc, conv):
    other = h
    h *= g
    z = conv(other)
    again = z
    z += short
    return fc(again.mean((2, 3)))


def written_by_argument(h, g, short, fc, conv):
    torch.mul(h, g, out=h)
    z = conv(h)
    torch.add(z, short, out=z)
    return fc(z.mean((2, 3)))


def written_by_function(h, g, short, fc, conv):
    F.relu(h, inplace=True)  # softplus is positive: nothing changes
    z = conv(h * g)
    return fc((z + short).mean((2, 3)))


WRITING = [written_by_method, written_and_not_assigned, written_by_operator, written_by_argument,
           written_by_function]  # fmt: skip


class Gated(nn.Module):
    """A gate, a branch beside it and a head; ``how`` puts them together."""

    def __init__(self, how) -> None:
        super().__init__()
        self.how = how
        self.first, self.gate, self.conv = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 8), nn.Conv2d(8, 8, 3, 2, 1)
        self.short, self.fc = nn.Conv2d(3, 8, 1, 4), nn.Linear(8, 5)

    def forward(self, x):
        h = F.softplus(self.first(x))
        g = torch.sigmoid(self.gate(h.mean((2, 3))))[:, :, None, None]
        return self.how(h, g, self.short(x), self.fc, self.conv)


class Wide(nn.Conv2d):
    """A layer that writes into what it is given, where no graph shows it."""

    def forward(self, x):
        return super().forward(x.mul_(2))


class Hidden(nn.Module):
    """A branch reads what a layer writes into."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.wide, self.fc = nn.Conv2d(3, 8, 3, 2, 1), Wide(8, 8, 3, 2, 1), nn.Linear(8, 5)

    def forward(self, x):
        h = F.softplus(self.first(x))
        return self.fc(self.wide(h).mean((2, 3)) + h.mean((2, 3)))


class Listed(nn.Module):
    """Reads a weight twice, once in a way that tracing takes for a number."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.fc = nn.Linear(12, 12), nn.Linear(12, 5)

    def forward(self, x):
        h = self.first(F.adaptive_avg_pool2d(x, 2).flatten(1))
        return self.fc(h + F.linear(h, next(self.first.parameters()) * 2))


class Beside(nn.Module):
    """A head that training alone reads."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.other, self.fc = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 5), nn.Linear(8, 5)

    def forward(self, x):
        h = self.first(x).mean((2, 3))
        self.other(h)
        return self.fc(h)


class Aliased(nn.Module):
    """The shortcut is what the activation has written into."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu, self.short = (
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 1),
        )
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        h = self.first(x)
        out = self.short(self.relu(h))
        return self.fc((out + h).mean((2, 3)))


def pictures(n: int = 12, channels: int = 3):
    rng = torch.Generator().manual_seed(3)
    x = torch.randint(0, 256, (n, channels, 16, 16), generator=rng).float() / 255
    return x, torch.randint(0, 5, (n,), generator=rng)


def seeded(make, *arguments):
    torch.manual_seed(1)
    return make(*arguments).eval()


def bench_of(network, x) -> FaultyNetwork:
    return FaultyNetwork(checkpoints.load(models.name_of(network, x.numpy())), INT8)


def tables(network, x, y):
    return [
        resq.sensitivity(network, x, y, encoding="int8", maps=2, progress=False, **how).frame
        for how in ({"measured": True, "share": 0.1}, {"metric": "pvf"})
    ]


@pytest.mark.parametrize("how", [how for how in WRITING if how is not written_by_argument])  # see below
def test_a_network_that_writes_into_its_values_has_the_tables_of_one_that_does_not(how):
    x, y = pictures()
    plain, writing = seeded(Gated, same), seeded(Gated, how)
    with torch.no_grad():
        assert torch.equal(plain(x), writing(x))
    apart = ["checkpoint", "network", "weights"]
    for one, other in zip(tables(plain, x, y), tables(writing, x, y), strict=True):
        assert one.drop(columns=apart).equals(other.drop(columns=apart))
        assert one["change"].abs().max() > 0


def test_writing_with_out_has_no_gradient_and_the_same_answers_change_under_single_flips():
    (x, y), writing = pictures(), seeded(Gated, written_by_argument)
    with pytest.raises(ResqError, match=r"no gradient by the weights.*metric pvf"):
        resq.sensitivity(writing, x, y, encoding="int8", progress=False)
    asked = {"encoding": "int8", "metric": "pvf", "maps": 2, "progress": False}
    plain = resq.sensitivity(seeded(Gated, same), x, y, **asked).frame
    found = resq.sensitivity(writing, x, y, **asked).frame
    apart = ["checkpoint", "network", "weights"]
    assert plain.drop(columns=apart).equals(found.drop(columns=apart))


@pytest.mark.parametrize("make", [Hidden, Listed, Beside, Aliased])
def test_measuring_with_kept_values_is_measuring_with_full_passes_whatever_the_network(make):
    (x, y), network = pictures(), seeded(make)
    bench = bench_of(network, x)
    quick, full = (
        list(sensitivity.measured(bench, x, y, share=0.2, maps=2, planes=(7, 6), reuse=reuse))
        for reuse in (True, False)
    )
    assert quick == full
    assert any(row["change"] for row in quick)
    with torch.inference_mode():
        assert torch.allclose(bench.network(x), network(x), atol=1e-2)  # but for rounded weights


@pytest.mark.parametrize("how", WRITING)
def test_critical_bits_of_a_network_that_writes_into_its_values_are_those_of_one_that_does_not(how):
    x, _ = pictures()
    found = []
    for one in (same, how):
        bench = bench_of(seeded(Gated, one), x)
        found.append({cell: tried.tolist() for cell, tried in critical_bits.every(bench, x, ["fc.weight"])})
    assert found[0] == found[1]
    assert any(map(any, found[0].values()))


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "vgg16", "efficientnet_b0", "swin_t"])
def test_the_projects_own_networks_are_cut(name):
    network = networks.build(name, 10, mean=(0.5,) * 3, std=(0.25,) * 3, seed=1).eval().requires_grad_(False)
    weights = networks.weight_names(network.body)
    bench = type("Bench", (), {"network": network})()
    traced = graph_split.graph(network)
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for layer in (weights[len(weights) // 2], weights[-1]):
        after, kept = kept_values.values_before(bench, traced, layer, x, 2)
        assert after is not network
        with torch.inference_mode():
            assert torch.equal(after(*kept[0]), network(x))


class Shifting(nn.Module):
    """Moves its images where they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(256, 5)

    def forward(self, x):
        return self.fc(x.sub_(0.5).flatten(1))


def test_a_network_that_writes_into_its_images_meets_the_same_ones_on_every_map():
    x, y = pictures(40, 1)
    network = seeded(Shifting)
    with torch.no_grad():
        y = network(x.clone()).argmax(1)
    result = resq.sweep(network, x, y, encoding="int8", ber=[0, 1e-9], maps=3, progress=False)
    assert [row["correct"] for row in result.rows] == [40] * 4
    assert resq.attack(network, x, y, eps=[0, 2], steps=2, progress=False).rows[0]["correct"] == 40
