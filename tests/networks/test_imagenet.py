"""ImageNet's weights as a start: what fits is taken, the rest keeps its seeded start, and both are said."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from resq import data
from resq.cli import main
from resq.networks import imagenet
from resq.platform.torchvision_compat import torchvision
from resq.training import finish, train
from resq.training.recipe import Recipe

# Random here: the real files are fetched, and only where somebody asks for them.
MODELS = {
    "resnet18": "resnet18",
    "vgg16": "vgg16_bn",
    "efficientnet_b0": "efficientnet_b0",
    "swin_t": "swin_t",
}


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of downloads, and no way to fetch anything."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def _put(cache: Path, network: str) -> dict[str, torch.Tensor]:
    """A state of torchvision's own network where its API looks first."""
    made = getattr(torchvision().models, MODELS[network])(weights=None)
    state = {k: torch.rand_like(v) if v.is_floating_point() else v for k, v in made.state_dict().items()}
    torch.save(state, cache / imagenet.source(network).url.rpartition("/")[2])
    return state


@pytest.mark.parametrize("network", imagenet.WEIGHTS)
def test_all_that_fits_is_taken_and_only_stem_and_classifier_start_at_random(cache, network):
    theirs = _put(cache, network)
    recipe = Recipe("cifar10", network)
    plain = train.start(recipe).network.body.state_dict()
    begun = train.start(dataclasses.replace(recipe, start="imagenet")).network.body
    fresh = imagenet.state(network, begun)[1]
    expected = {
        "resnet18": ["conv1.weight", "fc.weight", "fc.bias"],
        "vgg16": ["classifier.weight", "classifier.bias"],
        "efficientnet_b0": ["classifier.1.weight", "classifier.1.bias"],
        "swin_t": ["features.0.0.weight", "head.weight", "head.bias"],
    }[network]
    assert fresh == expected
    for name, value in begun.state_dict().items():
        if name in fresh or name.endswith("position_index"):
            assert torch.equal(value, plain[name]), name
        elif not name.endswith("position_bias_table"):
            assert torch.equal(value, theirs[name]), name


def test_a_smaller_window_takes_the_biases_of_the_same_offsets(cache):
    theirs = _put(cache, "swin_t")
    body = train.start(Recipe("cifar10", "swin_t", start="imagenet")).network.body
    name = "features.1.0.attn.relative_position_bias_table"
    own = body.state_dict()[name]
    for row, column in ((0, 0), (-3, 3), (2, -1)):
        there = (row + 6) * 13 + column + 6  # windows of 7: offsets -6..6
        here = (row + 3) * 7 + column + 3  # windows of 4: offsets -3..3
        assert torch.equal(own[here], theirs[name][there])


def test_without_the_file_and_a_net_a_sentence_says_where_to_put_it(cache):
    with pytest.raises(
        ValueError, match=r"cannot be fetched .* put https://\S+resnet18-\w+\.pth into .*checkpoints"
    ):
        train.start(Recipe("cifar10", "resnet18", start="imagenet"))


def test_a_network_that_torchvision_does_not_have_is_refused(cache):
    with pytest.raises(ValueError, match="no ImageNet weights of network 'resnet20'; known: efficientnet_b0"):
        train.start(Recipe("signs", "resnet20", start="imagenet"))


def test_imagenet_is_no_checkpoint_to_average_with():
    with pytest.raises(ValueError, match=r"needs a checkpoint to start from, got 0\.5 of 'imagenet'"):
        Recipe("cifar10", "resnet18", start="imagenet", start_share=0.5)


def test_a_trained_network_says_that_it_began_there(cache, own_folders, capsys, monkeypatch):
    _put(cache, "resnet18")
    few, tested = data.load("signs", "test").first(64), finish.tested
    monkeypatch.setattr(finish, "tested", lambda file, _: tested(file, few))
    options = ["--start", "imagenet", "--n", "32", "--epochs", "1", "--variant", "begun", "--device", "cpu"]
    recipe = own_folders / "few.toml"
    recipe.write_text('data = "signs"\nnetwork = "resnet18"\nbatch = 16\nlr = 0.01\nwarmup = 0\n')
    assert main(["train", str(recipe), *options, "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["recipe"]["start"] == "imagenet"
    assert card["start"]["name"] == "ResNet18_Weights.IMAGENET1K_V1"
    assert card["start"]["random"] == ["conv1.weight", "fc.weight", "fc.bias"]
    assert card["start"]["url"].startswith("https://")
