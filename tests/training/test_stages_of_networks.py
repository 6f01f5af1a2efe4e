"""Every stage runs on every network of the menu and gives a network that is another one and still answers."""

import numpy as np
import pytest
import torch

from resq import checkpoints
from resq.core import Dataset, Encoding
from resq.data import signs
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.networks import build, weight_names
from resq.training.stages import STAGES
from resq.training.tuning.stage import StageInput, options

FEW = {"epochs": 1, "batch": 8, "pad": 1, "n_valid": 8, "drop": 1.0}
OWN = {
    "adversarial": {**FEW, "steps": 1},
    "bit_error": {**FEW, "encoding": "int4-tmr2", "rate": 0.001, "begin": 99.0, "recount": 8},
    "quantize": {"encoding": "int4-tmr2", "drop": 1.0, "recount": 8, "n_bias": 4, "n_valid": 8},
}


@pytest.fixture(scope="module")
def images() -> Dataset:
    x, y = signs.render("train", 16)
    return Dataset("signs", "train", x, y, signs.CLASSES)


@pytest.mark.parametrize("network", ["vgg16", "efficientnet_b0", "swin_t"])
def test_a_network_goes_through_the_three_stages(network, images, tmp_path):
    body = build(network, len(signs.CLASSES), mean=(0.5,) * 3, std=(0.5,) * 3, seed=0).body
    state = {name: value.numpy() for name, value in body.state_dict().items()}
    name = f"signs/{network}/fresh"
    file = checkpoints.save(name, state, weight_names(body), {"name": name}, tmp_path)
    checkpoint = checkpoints.load(str(file))
    kept, valid = images.take(np.arange(8)), images.take(np.arange(8, 16))
    for stage, own in OWN.items():
        site = StageInput(checkpoint, kept, valid, seed=0)
        found = STAGES[stage].run(site, options(stage, STAGES, own)).state
        assert set(found) == set(state)
        assert any((found[name] != checkpoint.state[name]).any() for name in found)
        assert all(np.isfinite(value).all() for value in found.values())
        file = checkpoints.save(name, found, checkpoint.weights, {"name": name}, tmp_path)
        checkpoint = checkpoints.load(str(file))
    answers = FaultyNetwork(checkpoint, Encoding.parse("int4-tmr2")).network(torch.rand(2, 3, 32, 32))
    assert torch.isfinite(answers).all()
