"""What a file may not say itself: which state dict, which prefix, which mean and deviation, which eps."""

import json
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from resq import checkpoints, networks
from resq.cli import main
from resq.core import Encoding
from resq.data.normal import USUAL, Normal
from resq.importers import import_weights
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.specs import cells
from resq.training import train
from resq.training.recipe import Recipe
from tests.importers.test_importers import body, same, state, written  # noqa: F401 (fixtures)

SHORT = {"epochs": 1, "batch": 8, "pad": 0, "warmup": 0, "size": 32, "early_size": 32}
IMAGENET = USUAL["imagenet"]


def test_two_state_dicts_are_both_named_and_the_one_asked_for_is_taken(state, tmp_path):  # noqa: F811
    raw = OrderedDict((k, v + 1 if v.ndim > 1 else v) for k, v in state.items())
    file = written({"model": raw, "ema": {"module": state}, "epoch": 3}, tmp_path / "x.pt", "zip")
    with pytest.raises(
        ValueError, match=r"2 state dicts of the same shapes: model, ema/module; .* --state ema"
    ):
        import_weights(file, "resnet20", 10)
    for asked, expected in {"ema": state, "ema/module": state, "model": raw}.items():
        assert same(import_weights(file, "resnet20", 10, state=asked), expected)
    with pytest.raises(ValueError, match=r"2 state dicts of the same shapes"):
        import_weights(file, "resnet20", 10, state="emo")
    one = written({"model": raw}, tmp_path / "y.pt", "zip")
    with pytest.raises(ValueError, match=r"no state dict called 'emo'; it has model"):
        import_weights(one, "resnet20", 10, state="emo")


@pytest.mark.parametrize("form", ["zip", "safetensors"])
def test_a_network_twice_behind_two_prefixes_is_asked_about_too(state, tmp_path, form):  # noqa: F811
    both = {f"raw.{k}": v + 1 for k, v in state.items()} | {f"ema.{k}": v for k, v in state.items()}
    file = written(both, tmp_path / "x.pt", form)
    with pytest.raises(
        ValueError, match=r"holds this network 2 times, under (raw, ema|ema, raw); .* --state"
    ):
        import_weights(file, "resnet20", 10)
    assert same(import_weights(file, "resnet20", 10, state="ema"), state)


def test_one_tensor_under_two_names_is_one_place(state, tmp_path):  # noqa: F811
    both = {f"module.model.{k}": v for k, v in state.items()}
    both |= {f"module.attacker.model.{k}": v for k, v in state.items()}
    assert same(import_weights(written(both, tmp_path / "x.pt", "zip"), "resnet20", 10), state)


@pytest.mark.parametrize("form", ["zip", "safetensors"])
@pytest.mark.parametrize("stray", ["criterion.weight", "linear.weight", "n"])
def test_a_stray_tensor_hides_no_prefix_and_is_named(state, tmp_path, form, stray):  # noqa: F811
    tensors = {stray: torch.ones(16), **{f"model.{k}": v for k, v in state.items()}}
    brought = import_weights(written(tensors, tmp_path / "x.pt", form), "resnet20", 10)
    assert same(brought, state)
    assert f"left out, outside 'model.': {stray}" in brought.how


def test_a_tensor_of_another_network_beside_the_names_themselves_is_still_refused(state, tmp_path):  # noqa: F811
    with pytest.raises(ValueError, match=r"hold criterion\.weight, which resnet20 does not have"):
        import_weights(
            written({"criterion.weight": torch.ones(3), **state}, tmp_path / "x.pt", "zip"), "resnet20", 10
        )


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_shuffled_orders_names_and_prefixes_change_no_logit_or_are_refused(state, tmp_path, data):  # noqa: F811
    """The state under another order, with a part of its modules renamed, behind prefixes, with strays."""
    names = list(state)
    prefix = data.draw(st.sampled_from(["", "module.", "a.b.", "1.", "model.module.", "layer9."]))
    order = data.draw(st.permutations(names)) if data.draw(st.booleans()) else names
    modules = sorted({n.rpartition(".")[0] for n in names})
    renamed = {m: f"q{i}" for i, m in enumerate(modules) if data.draw(st.integers(0, 9)) == 0}
    strays = {"loss.weight": torch.ones(3)} if data.draw(st.booleans()) else {}

    def named(name: str) -> str:
        module, _, leaf = name.rpartition(".")
        return f"{prefix}{renamed.get(module, module)}.{leaf}"

    form = data.draw(st.sampled_from(["zip", "legacy", "safetensors"]))
    file = written({**{named(n): state[n] for n in order}, **strays}, tmp_path / "x.pt", form)
    try:
        brought, said = import_weights(file, "resnet20", 10), ""
    except ValueError as error:
        brought, said = None, str(error)
    if brought is None:
        assert "\n" not in said
        assert renamed or strays, "names as they are, in any order and behind any prefix, are read"
        return
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    found = networks.restore("resnet20", brought.state, mean=(0,) * 3, std=(1,) * 3, classes=10)
    right = {k: v.numpy() for k, v in state.items()}
    own = networks.restore("resnet20", right, mean=(0,) * 3, std=(1,) * 3, classes=10)
    torch.testing.assert_close(networks.logits(found, x), networks.logits(own, x), rtol=1e-5, atol=1e-5)


def test_two_renamed_layers_of_one_shape_in_another_order_are_refused(state, tmp_path):  # noqa: F811
    """Only the order could tell them apart, and the names that are known say that it is not kept."""
    swap = {"layer1.0.conv1": "q.one", "layer1.0.conv2": "q.two"}
    names = list(state)
    names.insert(1, names.pop(names.index("layer1.0.conv2.weight")))
    names.append(names.pop(names.index("layer1.1.conv1.weight")))
    parts = {n: n.rpartition(".") for n in names}
    renamed = {f"{swap.get(parts[n][0], parts[n][0])}.{parts[n][2]}": state[n] for n in names}
    with pytest.raises(ValueError, match=r"lack layer1\.0\.conv1\.weight, which resnet20 has"):
        import_weights(written(renamed, tmp_path / "x.pt", "zip"), "resnet20", 10)


LAYERS = {
    "in a sequence": ("0.mean", "0.std", "1.", (3,)),
    "mu and sigma": ("mu", "sigma", "", (1, 3, 1, 1)),
    "normalizer": ("module.normalizer.new_mean", "module.normalizer.new_std", "module.model.", (3, 1, 1)),
    "normalize": ("normalize.mean", "normalize.std", "model.", (1, 3, 1, 1)),
}


@pytest.mark.parametrize("form", ["zip", "safetensors"])
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("scale", [1, 255])
def test_a_normalize_layer_inside_the_model_is_used(state, tmp_path, form, kind, scale):  # noqa: F811
    mean, std, prefix, shape = LAYERS[kind]
    layer = {mean: torch.tensor(IMAGENET.mean).mul(scale).reshape(shape),
             std: torch.tensor(IMAGENET.std).mul(scale).reshape(shape)}  # fmt: skip
    brought = import_weights(
        written({**layer, **{prefix + k: v for k, v in state.items()}}, tmp_path / "x.pt", form),
        "resnet20",
        10,
    )
    assert same(brought, state)
    assert brought.normal == IMAGENET
    assert any("its own Normalize layer" in said for said in brought.how)


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        ("imagenet", "", None), ("", "imagenet", None), ("0.485,0.456,0.406", "imagenet", None),
        ("0.5", "", r"gives one of two: --std is needed too, or a name for both: imagenet"),
        ("imagnet", "0.5", r"one number, three with commas between them, or imagenet, .*; got 'imagnet'"),
        ("0.5,0.5", "0.5", r"one number or three, one per channel; got 2"),
        ("123.7", "58", r"mean 123\.7 is none of pixels from 0 to 1; of pixels up to 255, divide"),
        ("0.5", "0", r"deviation 0 is none of pixels from 0 to 1"),
        ("nan", "0.5", r"mean nan is none"),
    ],
)  # fmt: skip
def test_mean_and_deviation_are_names_or_numbers(mean, std, said):
    if said is None:
        assert Normal.parse(mean, std) == IMAGENET
        return
    with pytest.raises(ValueError, match=said):
        Normal.parse(mean, std)


@pytest.fixture
def imported(state, own_folders, capsys):  # noqa: F811
    """``imported(*options)``: the card of the same file imported with these options."""

    def run(*options: str) -> dict:
        file = written(state, own_folders / "net.pt", "zip")
        given = ["import", str(file), "--network", "resnet20", "--data", "cifar10", "--json", "--overwrite"]
        assert main([*given, *options]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_a_mean_of_its_own_is_in_the_card_used_by_the_bench_and_part_of_the_weights_hash(imported):
    usual, own = imported(), imported("--mean", "imagenet", "--name", "cifar10/resnet20/own")
    assert "normal" not in usual
    assert own["normal"] == {"mean": list(IMAGENET.mean), "std": list(IMAGENET.std)}
    assert usual["sha256"] != own["sha256"]  # else a stored row of one would be taken for the other's
    one, other = (cells.weights_of(f"cifar10/resnet20/{name}") for name in ("net", "own"))
    assert one != other
    network = FaultyNetwork(checkpoints.load("cifar10/resnet20/own"), Encoding.parse("int8")).network
    assert network.mean.flatten().tolist() == pytest.approx(IMAGENET.mean)
    assert network.std.flatten().tolist() == pytest.approx(IMAGENET.std)


def test_a_card_whose_mean_was_changed_is_noticed(imported):
    imported("--mean", "imagenet")
    file = checkpoints.find("cifar10/resnet20/net").with_suffix(".json")
    file.write_text(file.read_text().replace("0.485", "0.5"))
    with pytest.raises(ValueError, match="its card name different means and deviations"):
        checkpoints.load("cifar10/resnet20/net")


@pytest.mark.parametrize("eps", [1e-3, 1e-7, 0.0])
def test_another_eps_of_the_batch_norms_is_the_same_function_here(body, state, tmp_path, eps):  # noqa: F811
    theirs = networks.build("resnet20", 10, mean=(0,) * 3, std=(1,) * 3).body.eval()
    small = OrderedDict(state)
    small["bn1.running_var"] = torch.full((16,), 2e-6)  # below the network's own eps
    theirs.load_state_dict(small)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps
    file = tmp_path / "x.safetensors"
    save_file({k: v.clone() for k, v in small.items()}, file)
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    brought = import_weights(file, "resnet20", 10, eps=eps)
    found = networks.restore("resnet20", brought.state, mean=(0,) * 3, std=(1,) * 3, classes=10)
    torch.testing.assert_close(found.body(x), theirs(x).detach(), rtol=1e-3, atol=1e-4)
    assert f"batch norms computed with eps {eps:g}, as --eps says" in brought.how
    assert any("eps 1e-05 assumed" in said for said in import_weights(file, "resnet20", 10).how)


def test_an_eps_that_has_nothing_to_act_on_is_refused(state, tmp_path):  # noqa: F811
    swin = networks.build("swin_t", 10, mean=(0,) * 3, std=(1,) * 3).body.state_dict()
    with pytest.raises(ValueError, match="--eps changes nothing here: the network has no batch norms"):
        import_weights(written(swin, tmp_path / "x.pt", "zip"), "swin_t", 10, eps=1e-3)
    with pytest.raises(ValueError, match=r"from 0 to 0\.1 .* got 1"):
        import_weights(written(state, tmp_path / "x.pt", "zip"), "resnet20", 10, eps=1.0)


def test_networks_of_the_same_shapes_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "twin", networks.NETWORKS["resnet18"])
    made = networks.build("resnet18", 10, mean=(0,) * 3, std=(1,) * 3).body.state_dict()
    public = {k.replace("downsample", "shortcut").replace("fc.", "linear."): v for k, v in made.items()}
    brought = import_weights(written(public, tmp_path / "x.pt", "zip"), "resnet18", 10)
    assert np.array_equal(brought.state["fc.weight"], made["fc.weight"].numpy())
    said = "; ".join(brought.how)
    assert "twin" in said
    assert "the same shapes: where the accuracy is far below the source's, try --network" in said
    assert "told apart by the file's order alone, so compare the accuracy with the source's" in said


def test_a_run_of_training_takes_the_mean_of_the_checkpoint_that_it_hardens():
    recipe = Recipe("signs", "resnet20", "stage", **SHORT)
    assert train.start(recipe, normal=IMAGENET).network.mean.flatten().tolist() == pytest.approx(
        IMAGENET.mean
    )


def test_a_recipe_does_not_start_from_a_checkpoint_with_a_mean_of_its_own(imported):
    imported("--mean", "imagenet")
    recipe = Recipe("cifar10", "resnet20", "x", **SHORT, start="cifar10/resnet20/net")
    with pytest.raises(ValueError, match=r"whose mean and deviation are its own; .* harden it instead"):
        train.start(recipe)
