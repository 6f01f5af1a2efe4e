"""Passes that begin at the flipped layer, held against whole ones: the same bits, in every network."""

import numpy as np
import pytest
import torch
from torch import nn

from resq import networks
from resq.core import BitFlips, Encoding
from resq.measure.engine import faulty_network
from resq.measure.run.one_flip import activation_trace, resumed
from resq.memory import faults, flipping, quant

NONE = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))


def built(name):
    net = networks.build(name, 10, mean=(0.5,) * 3, std=(0.25,) * 3, seed=1).eval().requires_grad_(False)
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    return net, networks.weight_names(net.body), x


def moved(net, layer, at=3):
    weight = net.body.get_parameter(layer).detach().clone()
    weight.view(-1)[at] += 5.0
    return weight


def some(names):
    return dict.fromkeys((names[0], names[1], *names[2 :: max(1, len(names) // 6)], names[-1]))


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_a_pass_from_a_changed_layer_on_gives_the_bits_of_a_whole_one(name):
    net, names, x = built(name)
    noted, different = resumed.record(net, names, x), False
    assert noted.layers.keys() == set(names), "every layer is heard, also those that are computed tap by tap"
    for layer in some(names):
        changed = {layer: net.body.get_parameter(layer).detach() + 0.3}
        passed = resumed.outputs(noted, net, changed, x)
        assert passed is not None, layer
        whole = resumed.record(networks.replaced(net, {f"body.{layer}": changed[layer]}), names, x)
        assert torch.equal(passed[1], whole.logits)
        assert all(torch.equal(passed[0][n], whole.layers[n]) for n in whole.layers)
        different |= not torch.equal(passed[1], noted.logits)
    assert different
    with torch.inference_mode():  # and what was noted is as it was
        assert torch.equal(net(x), noted.logits)


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "efficientnet_b0"])
def test_each_of_many_weights_of_a_layer_gives_its_own_logits_up_to_rounding(name):
    net, names, x = built(name)
    noted, layer = resumed.record(net, names, x), names[0]
    weights = [moved(net, layer, at) for at in range(4)]
    logits = resumed.logits_of_each(noted, net, layer, iter(weights), 4, x)
    for weight, row in zip(weights, logits, strict=True):
        with torch.inference_mode():
            whole = networks.replaced(net, {f"body.{layer}": weight})(x)[0]
        assert torch.allclose(row, whole, rtol=1e-4, atol=1e-4 * float(whole.abs().max()))


def test_a_layer_that_no_batch_can_be_made_behind_is_told(tiny):
    net, names, x = built("swin_t")
    noted = resumed.record(net, names, x)
    assert resumed.logits_of_each(noted, net, names[5], iter([moved(net, names[5])] * 2), 2, x) is None


@pytest.mark.parametrize("encoding", ["int8", "int8-symmetric", "int4-tmr2", "bf16", "fp32"])
def test_flipped_weights_are_what_the_flipped_words_are_read_as(tiny, encoding):
    model = tiny.quantized(Encoding.parse(encoding))
    network = faulty_network.network_of(tiny, model)
    bits = faults.random(faults.region(model.layout), 1e-3, rng=np.random.default_rng(5)).at_rate(1e-3)
    flipped = flipping.flip(model, bits)
    changed = resumed.flipped_weights(network, model, bits)
    assert set(changed) == {name for name, _, _ in flipping.by_layer(model, bits)} != set()
    for name, weight in changed.items():
        np.testing.assert_array_equal(weight.numpy(), quant.dequantize(flipped.weights[name]))


def test_many_flips_in_all_layers_give_the_trace_of_a_whole_pass(tiny):
    model = tiny.quantized(Encoding.parse("int8"))
    network, x = faulty_network.network_of(tiny, model), torch.rand(1, 3, 32, 32)
    bits = faults.random(faults.region(model.layout), 1e-3, rng=np.random.default_rng(5)).at_rate(1e-3)
    noted = resumed.record(network, model.weights, x)
    passed = resumed.outputs(noted, network, resumed.flipped_weights(network, model, bits), x)
    whole = activation_trace.outputs(network, model, bits, x)
    assert torch.equal(passed[1], whole.logits)
    assert all(torch.equal(passed[0][name], whole.layers[name]) for name in whole.layers)
    clean = activation_trace.outputs(network, model, NONE, x)
    assert all(torch.equal(noted.layers[name], clean.layers[name]) for name in clean.layers)


def test_a_network_that_calls_otherwise_takes_a_whole_pass():
    net, names, x = built("resnet20")
    noted = resumed.record(net, names, x)
    other, _, _ = built("resnet18_nopool")
    layer = "layer3.0.conv1.weight"
    assert resumed.outputs(noted, other, {layer: moved(other, layer)}, x) is None


class Doubled(nn.Module):
    """Two layers; what the first computes of its weight alone is written into before the second."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        weight = self.one.weight * 2
        y = nn.functional.linear(x.flatten(1)[:, :4], weight)
        weight.add_(1)
        return self.two(y + nn.functional.linear(y, weight))


def test_where_what_a_weight_gave_is_written_into_a_pass_is_whole():
    net = networks.Network(Doubled(), (0.5,) * 3, (0.25,) * 3).eval().requires_grad_(False)
    x = torch.rand(1, 3, 2, 2, generator=torch.Generator().manual_seed(3))
    names = ["one.weight", "two.weight"]
    noted = resumed.record(net, names, x)
    changed = {"two.weight": moved(net, "two.weight")}
    assert resumed.outputs(noted, net, changed, x) is None
    with torch.inference_mode():
        own = networks.replaced(net, {"body.two.weight": changed["two.weight"]})
        assert torch.equal(resumed.logits_with(noted, net, "two.weight", changed["two.weight"], x), own(x))


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_a_recording_holds_no_weight_and_says_how_much_it_holds(name):
    net, names, x = built(name)
    noted = resumed.record(net, names, x)
    weights = {p.untyped_storage().data_ptr() for p in net.parameters()}
    tensors = resumed._tensors((noted.results, tuple(noted.layers.values())))
    held = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    assert not weights & set(held), "a network that is not looked at any more is let go"
    assert noted.nbytes == sum(held.values())
    assert sum(t.numel() * 4 for t in noted.layers.values()) <= noted.nbytes < 10e6
