"""Networks: their sizes, what they take and refuse, and whose random numbers they use."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from resq import networks
from resq.networks import NETWORKS
from resq.networks.shapes import shapes_only

ROOT = Path(__file__).resolve().parents[2]
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.1)
every_network = pytest.mark.parametrize("name", NETWORKS)


def _build(name: str, classes: int = 10, seed: int = 0) -> networks.Network:
    return networks.build(name, classes, mean=MEAN, std=STD, seed=seed)


def _state(name: str = "resnet20") -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in _build(name).body.state_dict().items()}


def _restore(state, classes: int = 10) -> networks.Network:
    return networks.restore("resnet20", state, mean=MEAN, std=STD, classes=classes)


PARAMETERS = {  # for ten classes
    "resnet20": 269_722,
    "resnet18": 11_173_962,
    "resnet18_gn": 11_173_962,
    "resnet18_nopool": 11_173_962,
    "vgg16": 14_728_266,
    "efficientnet_b0": 4_020_358,
    "swin_t": 27_507_028,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_number_of_parameters_is_the_published_one(name):
    assert sum(p.numel() for p in _build(name).parameters()) == PARAMETERS[name]


@every_network
def test_images_become_one_logit_per_class(name):
    assert networks.logits(_build(name, 7), torch.rand(3, 3, 32, 32)).shape == (3, 7)


@every_network
def test_every_matrix_and_filter_is_stored_in_network_order_and_nothing_else(name):
    body = _build(name).body
    large = [key for key, p in body.named_parameters() if p.ndim > 1 and "position_bias" not in key]
    assert list(networks.weight_names(body)) == large
    assert sum(body.get_parameter(key).numel() for key in large) > 0.98 * sum(
        p.numel() for p in body.parameters()
    )


def test_resnet18_keeps_the_pool_so_its_first_group_sees_sixteen_by_sixteen_pixels():
    body, seen = _build("resnet18").body, []
    body.layer1.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    networks.logits(body, torch.rand(1, 3, 32, 32))
    assert seen == [(1, 64, 16, 16)]


def test_a_shortcut_of_resnet20_takes_every_second_pixel_and_pads_channels_on_both_sides():
    x = torch.rand(2, 16, 8, 8)
    short = _build("resnet20").body.layer2[0].shortcut(x)
    assert torch.equal(short[:, 8:24], x[:, :, ::2, ::2])
    assert not short[:, :8].any()
    assert not short[:, 24:].any()


@every_network
def test_the_seed_decides_the_random_start(name):
    def first(seed: int) -> torch.Tensor:
        body = _build(name, seed=seed).body
        return body.get_parameter(networks.weight_names(body)[0])

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))


@every_network
def test_building_leaves_torchs_global_random_state_alone(name):
    before = torch.get_rng_state()
    _build(name)
    assert torch.equal(torch.get_rng_state(), before)


def test_networks_are_given_pixels_and_normalise_them_themselves():
    network, x = _build("resnet20").eval(), torch.rand(2, 3, 32, 32)
    normal = torch.stack([(x[:, c] - MEAN[c]) / STD[c] for c in range(3)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network.body(normal))
    assert not any(key.startswith(("mean", "std")) for key in network.state_dict())


def test_logits_do_not_depend_on_the_batch_and_move_no_running_statistics():
    network, x = _build("resnet20").train(), torch.rand(10, 3, 32, 32)
    before = network.body.bn1.running_mean.clone()
    # Batches of another size may be computed by another kernel, which rounds in its own way.
    few, whole = networks.logits(network, x, batch=3), networks.logits(network, x)
    torch.testing.assert_close(few, whole, rtol=1e-5, atol=1e-4)
    assert torch.equal(network.body.bn1.running_mean, before)


@every_network
def test_a_restored_network_computes_what_the_first_one_did(name):
    network, x = _build(name), torch.rand(2, 3, 32, 32)
    state = {key: value.numpy() for key, value in network.body.state_dict().items()}
    restored = networks.restore(name, state, mean=MEAN, std=STD, classes=10)
    assert torch.equal(networks.logits(restored, x), networks.logits(network, x))
    assert not restored.training
    assert not any(p.requires_grad for p in restored.parameters())


def test_a_restored_network_does_not_share_memory_with_what_it_was_made_from():
    state = _state()
    restored = _restore(state)
    with torch.no_grad():
        restored.body.conv1.weight.zero_()
    assert state["conv1.weight"].any()


def test_a_missing_tensor_is_named():
    state = _state()
    del state["layer2.1.bn1.weight"]
    with pytest.raises(ValueError, match=r"lack layer2\.1\.bn1\.weight, which resnet20 has with shape 32"):
        _restore(state)


def test_an_unknown_tensor_is_named():
    with pytest.raises(ValueError, match=r"hold layer9\.weight, which resnet20 does not have"):
        _restore({**_state(), "layer9.weight": np.zeros(3)})


def test_a_tensor_of_another_shape_is_named_with_both_shapes():
    with pytest.raises(ValueError, match=r"linear\.bias has shape 10; resnet20 for 16 classes has 16"):
        _restore(_state(), classes=16)
    with pytest.raises(
        ValueError, match=r"conv1\.weight has shape 16x3x5x5; resnet20 for 10 classes has 16x3x3x3"
    ):
        _restore({**_state(), "conv1.weight": np.zeros((16, 3, 5, 5), np.float32)})


def test_an_unknown_network_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no network 'resnet50'; known: .*resnet18, .*resnet20"):
        _build("resnet50")


def _changed(network: networks.Network, names: list[str]) -> dict[str, torch.Tensor]:
    own = dict(network.named_parameters())
    return {name: own[name].detach() + 0.5 for name in names}


@every_network
def test_a_replaced_network_computes_with_the_changed_tensors_and_the_given_one_is_as_it_was(name):
    network, x = _build(name).eval(), torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    weights = [f"body.{w}" for w in networks.weight_names(network.body)]
    changed = _changed(network, [weights[0], weights[len(weights) // 2], weights[-1]])
    with torch.inference_mode():
        before = network(x)
        found = networks.replaced(network, changed)(x)
        assert torch.equal(network(x), before)
        network.load_state_dict({**network.state_dict(), **changed})
        assert torch.equal(network(x), found)
    assert not torch.equal(found, before)


def test_a_replaced_network_has_new_modules_only_on_the_way_to_what_changes():
    network = _build("resnet20")
    own = networks.replaced(network, _changed(network, ["body.layer2.0.conv1.weight"]))
    assert own.body.layer2[0].conv1 is not network.body.layer2[0].conv1
    assert own.body.layer2 is not network.body.layer2
    assert own.body.layer1 is network.body.layer1
    assert own.body.layer2[1] is network.body.layer2[1]


def test_a_module_in_two_places_is_replaced_in_both():
    network = _build("resnet20").eval()
    network.body.layer1[1] = network.body.layer1[0]
    own = networks.replaced(network, _changed(network, ["body.layer1.0.conv1.weight"]))
    assert own.body.layer1[1] is own.body.layer1[0]
    assert own.body.layer1[0] is not network.body.layer1[0]


@every_network
def test_shapes_only_gives_every_tensor_its_shape_and_no_memory(name):
    with shapes_only():
        found = networks.NETWORKS[name](10).state_dict()
    whole = networks.NETWORKS[name](10).state_dict()
    assert {key: value.shape for key, value in found.items()} == {k: v.shape for k, v in whole.items()}
    assert all(value.is_meta for value in found.values())


def test_a_network_is_restored_without_torchs_compiler():
    """Its import takes two seconds, which the first visitor would wait."""
    code = (
        "import sys; from resq import checkpoints; from resq.core import Encoding;"
        "from resq.measure.engine import faulty_network;"
        "found = checkpoints.load('signs/resnet20/base');"
        "faulty_network.network_of(found, found.quantized(Encoding.parse('int8')));"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=280).returncode == 0
