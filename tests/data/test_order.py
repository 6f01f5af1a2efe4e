"""Images that come sorted by class: the first n of them would be of the first classes alone."""

import numpy as np

from resq import data
from resq.core import Dataset
from resq.data.held_out import held_out
from resq.data.order import mixed


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
