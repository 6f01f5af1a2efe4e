"""Where the Bit lab opens: flips that were found beforehand, each computed again here."""

import numpy as np
import pytest
import torch

from dashboard import cached
from dashboard.model import bit_view, decisive
from resq import checkpoints, data
from resq.core import Dataset, Encoding
from resq.data import signs
from resq.measure.engine import faulty_network


@pytest.mark.parametrize("flip", decisive.every(), ids=lambda flip: f"{flip.net}-{flip.enc}")
def test_each_flip_changes_the_answer_as_it_says_in_the_weights_and_picture_that_it_names(flip):
    checkpoint = checkpoints.load(flip.net)
    assert checkpoint.hash == flip.weights
    pixels, label = signs.picture("test", flip.img)
    picture = Dataset("signs", "test", pixels[None], np.array([label]), data.source("signs").classes)
    assert picture.hash == flip.picture
    model = checkpoint.quantized(Encoding.parse(flip.enc))
    network = faulty_network.network_of(checkpoint, model)
    x = torch.from_numpy(pixels[None]).float() / 255
    state = bit_view.BitExperiment(flip.net, flip.enc, flip.layer, flip.w, flip.img, (flip.bit,))
    none = bit_view.flips(model, bit_view.BitExperiment(flip.net, flip.enc, flip.layer, flip.w))
    before, after = (
        bit_view.answer(network, model, bits, x) for bits in (none, bit_view.flips(model, state))
    )
    assert picture.classes[int(before.argmax())] == flip.before == picture.classes[label]
    assert ("" if np.isnan(after).any() else picture.classes[int(after.argmax())]) == flip.after
    assert flip.before != flip.after


def test_one_picture_alone_is_that_of_the_whole_split():
    pixels, labels = signs.render("test", 20)
    for i in (0, 19):
        one, label = signs.picture("test", i)
        assert np.array_equal(one, pixels[i])
        assert label == labels[i]


def test_other_weights_of_the_same_name_open_no_flip():
    first = decisive.every()[0]
    assert decisive.of(first.net, first.enc, first.weights + "00") == first
    assert decisive.of(first.net, first.enc, "0" * 64) is None
    assert decisive.of(first.net, "int4", first.weights) is None


def test_the_pictures_to_choose_from_are_the_first_ones_and_those_of_the_flips():
    found = cached.pictures("signs")
    assert found.numbers == (*range(cached.SHOWN), 2238)
    assert np.array_equal(found.pixels[found.at(2238)], signs.picture("test", 2238)[0])
    assert found.at(99) == 0
