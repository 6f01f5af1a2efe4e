"""Images that come sorted by class: the first n of them would be of the first classes alone."""

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import resq
from resq import data, networks
from resq.api.images import load_images
from resq.core import Dataset
from resq.data import order, own
from resq.data.held_out import held_out
from resq.data.order import class_by_class, mixed
from resq.measure.engine import faulty_network
from resq.measure.store import table
from resq.networks import clamp


def _images(y, groups=None, name="signs"):
    y = np.asarray(y, np.int64)
    pixels = np.broadcast_to(np.arange(len(y), dtype=np.uint8)[:, None, None, None], (len(y), 3, 4, 4))
    return Dataset(name, "train", pixels, y, tuple("abcdefghij"), groups)


def test_images_sorted_by_class_are_mixed_and_the_first_n_are_of_every_class():
    images = _images(np.repeat(np.arange(10), 20))
    first = mixed(images).first(60)
    assert len(np.unique(first.y)) == 10
    assert (first.pixels[:, 0, 0, 0] // 20).tolist() == first.y.tolist()  # each keeps its own label
    assert mixed(images).hash == mixed(images).hash != images.hash


def test_shards_that_are_each_sorted_are_mixed_too():
    assert class_by_class(np.tile(np.repeat(np.arange(10), 50), 2))
    assert not class_by_class(np.random.default_rng(0).integers(0, 10, 1_000))


def test_images_in_no_order_stay_as_they_are():
    assert mixed(_images([0, 1, 0, 1, 1])).y.tolist() == [0, 1, 0, 1, 1]


def test_held_out_tracks_stay_whole_and_both_parts_are_of_many_classes_from_their_first_image_on():
    y = np.repeat(np.arange(10), 60)
    tracks = np.repeat(np.arange(60), 10)
    learned, judged = held_out(_images(y, tracks))
    assert not set(learned.groups) & set(judged.groups)
    assert len(learned) + len(judged) == 600
    assert len(np.unique(learned.first(100).y)) == 10
    assert len(np.unique(judged.first(20).groups)) > 2


def test_held_out_signs_are_those_that_shipped_networks_were_judged_on():
    assert [part.hash for part in held_out(data.load("signs", "train"))] == [
        "c56ea9b051cedd22",
        "0d0cadafd74a32fa",
    ]


def test_the_first_images_to_learn_gtsrb_from_are_of_every_class(real):
    learned, judged = held_out(real("gtsrb", "train"))
    assert (len(learned), len(judged)) == (37_229, 1_980)
    assert len(np.unique(learned.first(2_000).y)) == 43
    assert set(judged.first(500).y) == set(judged.y)


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_the_first_images_of_a_brought_folder_or_file_are_of_every_class(own_folders, kind):
    """Read in the order of their folders the first 30 of 90 would be of one class alone."""
    y = np.repeat(np.arange(3), 30)
    x = np.zeros((90, 8, 8, 3), np.uint8) + (80 * y[:, None, None, None]).astype(np.uint8)
    path = own_folders / "brought"
    if kind == "folder":
        for i, (pixels, label) in enumerate(zip(x, y, strict=True)):
            (path / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path / str(label) / f"{i}.png")
    else:
        path = path.with_suffix(".npz")
        np.savez(path, x=x, y=y)
    first = data.load(own.bring(str(path)), "test").first(30)
    assert np.bincount(first.y, minlength=3).min() >= 5
    assert (first.pixels[:, 0, 0, 0] // 80).tolist() == first.y.tolist()


def test_test_images_of_a_plugin_that_come_class_by_class_are_mixed_and_measured_as_they_are_given(
    monkeypatch,
):
    signs = data.load("signs", "test")
    whole = dataclasses.replace(signs.take(np.argsort(signs.y, kind="stable")), name="mine")
    mine = dataclasses.replace(data.source("signs"), load=lambda split, download=False: whole)
    monkeypatch.setitem(data.DATASETS, "mine", mine)
    assert len(np.unique(data.load("mine", "test").first(200).y)) == 16
    assert data.load("mine", "train").hash == whole.hash  # of these order.few takes some

    x, y = load_images("mine", n=200)
    network = resq.load("signs/resnet20/base")
    with torch.no_grad():
        right = (network(x).argmax(1) == y).numpy()
    asked = {"ber": [0], "maps": 1, "encoding": "fp32", "progress": False}
    for given in ((x, y), ("mine",)):
        (row,) = resq.sweep("signs/resnet20/base", *given, n=200, **asked).rows
        answers = np.unpackbits(np.frombuffer(row["right"], np.uint8))[:200].astype(bool)
        assert answers.tolist() == right.tolist()
        assert row["data"] == "mine"


def test_few_images_to_calibrate_with_are_of_every_class_and_of_images_in_no_order_the_first():
    images = _images(np.repeat(np.arange(10), 20))
    assert len(np.unique(order.few(images, 60).y)) == 10
    assert order.few(images, 60).hash == mixed(images, images.name).first(60).hash
    loose = _images(np.random.default_rng(0).integers(0, 10, 200))
    assert order.few(loose, 60).hash == loose.first(60).hash
    with pytest.raises(ValueError, match=r"n must lie in 1\.\.200"):
        order.few(images, 201)


@pytest.mark.parametrize("name", ["cifar10", "gtsrb", "signs"])
def test_the_test_images_that_shipped_rows_rest_on_are_in_the_order_they_had(name, real):
    rows = table.shipped()
    first = rows[(rows["data"] == name) & (rows["sample"] == "first")].groupby("n")["images"].unique()
    images = real(name)
    assert len(first) > 3
    assert {n: [images.first(int(n)).hash] for n in first.index} == first.map(list).to_dict()


def test_limits_of_activations_on_gtsrb_are_those_of_every_class(real):
    """Its training images are sorted: the first 500 are of two classes, of which limits were taken."""
    images = real("gtsrb", "train")
    assert len(np.unique(images.y[:500])) == 2
    assert len(np.unique(order.few(images, 500).y)) == 43
    network = networks.build("resnet20", 43, mean=(0.5,) * 3, std=(0.25,) * 3).eval()
    few, first = (
        clamp.bounds(network.body, network, torch.from_numpy(part.pixels.copy()).float().div_(255))
        for part in (order.few(images, 500), images.first(500))
    )
    assert faulty_network.limits(network, "gtsrb") == few != first


def test_a_copied_folder_has_the_same_first_images(own_folders):
    y = np.repeat(np.arange(3), 30)
    x = np.arange(90, dtype=np.uint8)[:, None, None, None] + np.zeros((90, 8, 8, 3), np.uint8)
    hashes = set()
    for name in ("here", "there"):
        np.savez(own_folders / f"{name}.npz", x=x, y=y)
        hashes.add(data.load(own.bring(str(own_folders / f"{name}.npz")), "test").first(30).hash)
    assert len(hashes) == 1


def test_a_loader_that_goes_class_by_class_is_warned_of():
    batches = [(np.zeros((10, 3, 8, 8), np.uint8), np.full(10, label)) for label in range(4)]
    with pytest.warns(UserWarning, match="the first 20 images are of 2 classes, one after the other"):
        load_images(batches, n=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_images(batches)
