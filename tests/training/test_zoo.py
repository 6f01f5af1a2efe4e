"""The table of networks: trained in its order, within its time, and honest about what is not trained."""

import json
import time

import pytest

from resq import checkpoints, data
from resq.cli import main
from resq.data import signs
from resq.networks import NETWORKS
from resq.training import finish, shipped_recipes
from resq.training.recipe import Recipe

QUICK = Recipe("signs", "resnet20", "quick", epochs=2, batch=32, lr=0.02, warmup=1, size=16, early_size=16)


@pytest.fixture
def few_signs(monkeypatch):
    """64 signs instead of thousands."""
    from resq.core import Dataset

    def load(split, download=False):
        return Dataset("signs", split, *signs.render(split, 64), signs.CLASSES)

    small = {
        name: getattr(data.DATASETS["signs"], name) for name in ("classes", "mean", "std", "mirror", "about")
    }
    monkeypatch.setitem(data.DATASETS, "signs", data.DataSource(load=load, **small))


def test_every_row_has_a_recipe_of_its_name_for_a_known_network():
    for name, recipe in zip(shipped_recipes.ORDER, shipped_recipes.table(), strict=True):
        assert recipe.name == name
        assert recipe.network in NETWORKS


def test_a_row_without_weights_says_not_trained_yet_and_shows_no_number(capsys):
    assert main(["train", "--all", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["row"] for row in rows] == list(shipped_recipes.ORDER)
    for row in rows:
        trained = row["row"] in {*checkpoints.names(), *checkpoints.unshipped()}
        assert (row["accuracy"] is not None) == trained
        assert row["state"].startswith("trained" if trained else "not trained yet")


def test_a_row_that_was_trained_and_does_not_fit_says_so_with_its_accuracy(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CARDS", tmp_path)
    for name in ("gtsrb/swin_t/base", "signs/resnet20/base"):
        file = tmp_path / f"{name}.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"epochs": 40, "test": {"accuracy": 0.5, "n": 8}}))
    states = {recipe.name: shipped_recipes.status(recipe) for recipe in shipped_recipes.table()}
    assert states["gtsrb/swin_t/base"]["state"] == "trained, weights not shipped"
    assert (states["gtsrb/swin_t/base"]["accuracy"], states["gtsrb/swin_t/base"]["n"]) == (0.5, 8)
    assert states["signs/resnet20/base"]["state"] == "trained"  # its weights are here and count
    assert states["signs/resnet20/base"]["accuracy"] != 0.5


def test_out_of_time_it_keeps_what_it_learned_and_the_next_call_goes_on(own_folders, few_signs):
    folder = own_folders / "weights"
    images = data.load("signs", "train")
    assert finish.finish(QUICK, images, folder, until=time.monotonic() - 1) is None
    assert not folder.exists()
    card = finish.finish(QUICK, images, folder)
    assert card["epochs"] == 2
    assert card["test"]["n"] == 64
    assert checkpoints.load(str(folder / "signs/resnet20/quick.safetensors")).card["recipe"]["epochs"] == 2
    assert not list((own_folders / "work" / "train").iterdir())


def test_an_unknown_row_is_refused_with_the_known_ones(capsys):
    assert main(["train", "--all", "--only", "mnist"]) == 2
    assert "no row begins with 'mnist'; known: signs/resnet20/base" in capsys.readouterr().err


def test_a_card_says_which_weights_of_the_run_it_holds():
    averaged = Recipe("signs", "resnet20", "mean", epochs=4, warmup=1, average_epochs=2)
    assert finish._which_weights(QUICK) == "the last epoch"
    assert finish._which_weights(averaged) == "the mean of the weights over the last 2 epochs"
