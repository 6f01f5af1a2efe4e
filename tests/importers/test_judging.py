"""A file is judged with no more work than its judgement needs, and each step is told."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from resq import checkpoints, data, networks
from resq.core import Encoding
from resq.data.normal import KEY, USUAL
from resq.importers import siblings
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run.normals import of_network as normals
from resq.measure.run.normals.paired import compared

NAME = "signs/resnet20/base"
N = 120


def with_all_images(checkpoint, images):
    """The judgement with every usual normalisation run on every image."""
    body = FaultyNetwork(checkpoint, Encoding.parse("fp32")).network.body
    x, y = torch.from_numpy(images.pixels).float() / 255, images.y
    right = {
        name: networks.logits(networks.Network(body, normal.mean, normal.std), x).argmax(1).numpy() == y
        for name, normal in {"": checkpoint.normal, **USUAL}.items()
        if not name or normal != checkpoint.normal
    }
    best = max((name for name in right if name), key=lambda name: right[name].sum())
    return compared(best, right[""], right[best])


@pytest.mark.parametrize("used", [None, "imagenet"])
def test_who_is_out_early_would_not_have_been_chosen(used):
    checkpoint, images = checkpoints.load(NAME), data.load("signs", "test").first(N)
    if used:
        card = {**checkpoint.card, KEY: {"mean": USUAL[used].mean, "std": USUAL[used].std}}
        checkpoint = replace(checkpoint, card=card)
        assert checkpoint.normal == USUAL[used]
    steps = list[tuple[float, str]]()
    judged = normals.other(checkpoint, images, lambda share, what: steps.append((share, what)))
    assert judged == with_all_images(checkpoint, images)
    assert [share for share, _ in steps] == sorted({share for share, _ in steps})
    assert len(steps) == len([n for n in USUAL.values() if n != checkpoint.normal]) + 1
    assert all(f"on {N} test images" in what for _, what in steps)


def test_who_errs_on_too_many_images_does_not_see_the_rest(monkeypatch):
    looked = []
    real = normals.evaluate
    monkeypatch.setattr(normals, "evaluate", lambda n, x, y: (looked.append(len(x)), real(n, x, y))[1])
    checkpoint, images = checkpoints.load(NAME), data.load("signs", "test").first(N)
    body = FaultyNetwork(checkpoint, Encoding.parse("fp32")).network.body
    wrong_y = replace(images, y=(images.y + 1) % 16)
    right = normals._right(body, checkpoint.normal, wrong_y, most_wrong=5)
    assert looked == [normals.LOOKED]
    assert not right.any()
    np.testing.assert_array_equal(
        normals._right(body, checkpoint.normal, images).numpy(),
        real(networks.Network(body, checkpoint.normal.mean, checkpoint.normal.std),
             torch.from_numpy(images.pixels).float() / 255, torch.from_numpy(images.y))[0],
    )  # fmt: skip


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_shapes_of_a_network_are_those_of_one_that_is_built(name):
    body = networks.NETWORKS[name](7)
    built = siblings._shapes(body)
    assert siblings.shapes_of(networks.NETWORKS[name], 7) == built


def test_counting_shapes_imports_no_compiler():
    code = (
        "import sys; from resq import networks; from resq.importers import siblings\n"
        "for make in networks.NETWORKS.values(): siblings.shapes_of(make, 10)\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
