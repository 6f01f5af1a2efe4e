"""Whether a hardened network's base had learned from the images that judge the stages, as cards have it."""

import numpy as np
import pytest

from dashboard.model import hardening_run
from resq import checkpoints
from resq.checkpoints import ancestry
from resq.data.held_out import held_out

HARDENED = [name for name in checkpoints.names() if "base" in checkpoints.card(name)]
CHILD = {"base": {"name": "cifar10/small/base", "sha256": "a"}, "data": "cifar10",
         "train": {"n": 45_000}, "valid": {"n": 2000, "from": "the base was trained on it too"}}  # fmt: skip
BASE = {"name": "cifar10/small/base", "sha256": "a", "data": "cifar10", "recipe": {"start": ""},
        "train": {"n": 50_000}}  # fmt: skip


@pytest.fixture
def cards(monkeypatch):
    """Cards by name, in place of those of this machine."""
    known = {}
    monkeypatch.setattr(checkpoints, "unshipped", lambda: known)
    return known


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({}, "all"),
        ({"candidate": True, "train": {"n": 48_000}}, "none"),
        ({"train": {"n": 1000}}, "part"),
        ({"recipe": None}, "unknown"),
        ({"candidate": True, "recipe": {"start": "imagenet"}, "start": {"what": "torchvision"}}, "none"),
        ({"candidate": True, "recipe": {"start": "x"}, "start": BASE}, "all"),
        ({"candidate": True, "recipe": {"start": "x"}, "start": {**BASE, "data": "gtsrb"}}, "none"),
        ({"candidate": True, "recipe": {"start": "x"}}, "unknown"),
        ({"candidate": True, "soup": [{**BASE, "candidate": True}, BASE]}, "all"),
    ],
)
def test_what_a_base_had_learned_from_is_told_from_its_card(cards, changes, share):
    cards[BASE["name"]] = {**BASE, **changes}
    assert ancestry.before(CHILD).share == share
    text = ancestry.optimism(CHILD)
    assert ("are optimistic" in text) == (share != "none")
    assert ("no network here has learned from them" in text) == (share == "none")
    assert ("is not known here" in text) == (share == "unknown")


def test_a_base_that_was_hardened_itself_goes_back_to_one_that_was_not(cards):
    cards[BASE["name"]] = BASE
    cards["cifar10/small/attack"] = {**CHILD, "name": "cifar10/small/attack", "sha256": "b", "stages": []}
    child = {**CHILD, "base": {"name": "cifar10/small/attack", "sha256": "b"}}
    text = ancestry.optimism(child)
    assert "cifar10/small/attack, which it goes on from, goes back to cifar10/small/base, which was" in text
    assert "trained on 50,000 images of that split, these among them" in text


def test_without_the_card_of_a_base_only_what_the_network_notes_is_told(cards):
    assert ancestry.optimism(CHILD).startswith("By its card cifar10/small/base, which it goes on from, had")
    alone = {**CHILD, "base": {"name": "work/asym-base-s0.safetensors", "sha256": "a"}}
    assert "is not known here" in ancestry.optimism(alone)
    noted = {**alone, "valid": {"n": 2000, "seen": "none"}}
    assert "no network here has learned from them" in ancestry.optimism(noted)
    cards[BASE["name"]] = {**BASE, "sha256": "another network of that name"}
    assert ancestry.before(CHILD).root == ""


@pytest.mark.parametrize("name", HARDENED)
def test_a_hardened_networks_accuracies_say_that_its_base_knew_the_images_and_what_is_not_tested(name):
    card = checkpoints.card(name)
    text, look = hardening_run.changed(card), hardening_run.looks(card)[0]
    apart = card["valid"].get("seen") == "none"  # of a study: its base was trained without these images too
    assert ("no network here has learned from them" if apart else "are optimistic") in text
    if (root := ancestry.before(card)).root:
        whole = root.n if card["data"] == "signs" else card["train"]["n"] + card["valid"]["n"]
        assert root.n == whole
        assert f"trained on {whole:,} images of that split, these among them" in text
    assert f"PGD-{look['steps']} (1 random start) at {look['eps']:g}/255" in text
    assert f"seed {card['seed']}" in text
    of = (
        "validation images of 5 of the 43 classes, held out"
        if card["data"] == "gtsrb"
        else "images, held out"
    )
    assert of in text
    assert "No change and no end of an interval is tested" in text


@pytest.mark.parametrize("name", [name for name in HARDENED if name.startswith("gtsrb/")])
def test_the_noted_classes_are_those_of_the_first_held_out_images_before_they_were_mixed(name, real):
    judged = held_out(real("gtsrb", "train"))[1]
    before = np.sort(judged.y)
    assert checkpoints.card(name)["valid"]["classes"] == [len(np.unique(before[:n])) for n in (400, 200)]


def test_which_intervals_overlap_is_told_from_them():
    looks = [
        {"clean": clean, "n": 400, "attacked": 0.5, "n_attacked": 200, "faulty": 0.5,
         "under": {"mean": 0.5, "least": 0.45, "maps": 4}}
        for clean in (0.99, 0.8)
    ]  # fmt: skip
    assert "overlap (at the BER, under attack) and lie apart (clean)." in hardening_run.untested(looks)
