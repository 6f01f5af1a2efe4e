"""How far a flip moves each layer's output, held against what hooks on the layers see."""

import threading

import numpy as np
import pytest
import torch

from resq import checkpoints
from resq.core import BitFlips, Encoding
from resq.measure.engine import faulty_network
from resq.measure.run.one_flip import activation_trace
from resq.memory import faults, flipping, quant

NONE = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))


def made(tiny):
    model = tiny.quantized(Encoding.parse("int8"))
    return faulty_network.network_of(tiny, model), model, torch.rand(1, 3, 32, 32)


def hooked(network, model, x):
    """What forward hooks on the very layers see: another way to the same outputs."""
    seen = {}
    modules = dict(network.body.named_modules())
    held = [
        modules[name.removesuffix(".weight")].register_forward_hook(
            lambda _, __, out, name=name: seen.__setitem__(name, out.clone())
        )
        for name in model.weights
    ]
    with torch.inference_mode():
        network(x)
    for handle in held:
        handle.remove()
    return seen


def test_outputs_are_those_that_hooks_see_in_order_and_logits_those_of_the_network(tiny):
    network, model, x = made(tiny)
    found = activation_trace.outputs(network, model, NONE, x)
    seen = hooked(network, model, x)
    assert list(found.layers) == list(seen)
    assert all(torch.equal(found.layers[name], seen[name]) for name in seen)
    with torch.inference_mode():
        assert torch.equal(found.logits, network(x))


@pytest.mark.parametrize(
    "net", ["cifar10/efficientnet_b0/base", "cifar10/resnet18/base", "cifar10/vgg16/base"]
)
def test_an_activation_that_is_written_into_an_output_does_not_change_what_is_noted_of_it(net):
    """EfficientNet's squeeze layers were noted behind their activation, ResNet18's last four not at all."""
    checkpoint = checkpoints.load(net)
    network, model, x = made(checkpoint)
    found, seen = activation_trace.outputs(network, model, NONE, x), hooked(network, model, x)
    assert seen.keys() == found.layers.keys()
    assert all(torch.equal(found.layers[name], seen[name]) for name in seen)


def test_a_flip_moves_its_own_layer_and_those_behind_it_and_none_before(tiny):
    network, model, x = made(tiny)
    names = list(model.weights)
    bits = faults.one_bit(model.layout, names[5], 3, 7)
    clean = activation_trace.outputs(network, model, NONE, x)
    faulty = activation_trace.outputs(network, model, bits, x)
    change = activation_trace.relative_change(clean, faulty)
    assert all(change[name] == 0 for name in names[:5])
    other = quant.dequantize(flipping.flip(model, bits).weights[names[5]])
    network.body.get_parameter(names[5]).data = torch.from_numpy(other)
    seen = hooked(network, model, x)[names[5]]
    expected = float((seen - clean.layers[names[5]]).norm() / clean.layers[names[5]].norm())
    assert change[names[5]] == np.float64(expected) or abs(change[names[5]] - expected) < 1e-6
    assert change[names[5]] > 0
    assert torch.equal(faulty.logits, faulty_network.faulty_logits(made(tiny)[0], model, bits, x))


def test_an_output_that_is_no_number_is_an_infinite_change(tiny):
    clean = activation_trace.Outputs({"a": torch.ones(2)}, torch.zeros(1, 2))
    broken = activation_trace.Outputs({"a": torch.tensor([1.0, float("nan")])}, torch.zeros(1, 2))
    assert activation_trace.relative_change(clean, broken) == {"a": float("inf")}


def test_what_another_thread_computes_meanwhile_is_not_heard(tiny):
    network, model, x = made(tiny)
    bits = faults.one_bit(model.layout, next(iter(model.weights)), 0, 7)
    wanted = activation_trace.outputs(network, model, bits, x)
    stop = threading.Event()

    def others() -> None:
        with torch.inference_mode():
            while not stop.is_set():
                network(torch.zeros(2, 3, 32, 32))

    thread = threading.Thread(target=others)
    thread.start()
    try:
        again = [activation_trace.outputs(network, model, bits, x) for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    for found in again:
        assert all(torch.equal(found.layers[name], wanted.layers[name]) for name in wanted.layers)
