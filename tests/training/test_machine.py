"""Where and in which form a run computes: asked for, or measured, and the same network in every form."""

import pytest
import torch

from resq import networks
from resq.cli import main
from resq.core import Dataset
from resq.data import signs
from resq.training import machine, train
from resq.training.recipe import Recipe

RECIPE = Recipe("signs", "resnet20", epochs=2, batch=16, lr=0.02, warmup=1, size=16, early_size=16)


def test_auto_is_the_gpu_where_there_is_one_and_the_processor_elsewhere():
    assert machine.device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert machine.device("cpu").type == "cpu"


def test_an_unknown_device_is_refused(capsys):
    assert main(["train", "signs/resnet20/base", "--variant", "mine", "--device", "tpu"]) == 2
    assert "the device is auto, cpu or cuda, got 'tpu'" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_here_is_refused(capsys):
    assert main(["train", "--all", "--only", "cifar10/swin_t", "--device", "cuda"]) in (
        0,
        2,
    )  # 0: no images, nothing begun
    with pytest.raises(ValueError, match="no CUDA device on this machine; --device auto takes the CPU"):
        train.start(RECIPE, device="cuda")


@pytest.mark.parametrize(
    ("seconds", "form"),
    [
        ({(False, True): 1.0, (False, False): 0.85, (True, True): 0.83, (True, False): 2.0}, (False, True)),
        ({(False, True): 1.0, (False, False): 0.7, (True, True): 1.5, (True, False): 2.0}, (False, False)),
        ({(False, True): 1.0, (False, False): 0.9, (True, True): 0.5, (True, False): 0.6}, (True, True)),
        ({(False, True): 1.0, (False, False): 0.9, (True, True): 0.5, (True, False): 0.45}, (True, True)),
        ({(False, True): 1.0, (False, False): 0.9, (True, True): 0.5, (True, False): 0.3}, (True, False)),
    ],
)
def test_another_form_than_the_usual_one_must_be_faster_by_more_than_noise(monkeypatch, seconds, form):
    monkeypatch.setattr(machine, "_seconds", lambda network, recipe, asked: seconds[asked])
    assert machine.fastest_layout(torch.nn.Linear(1, 1), RECIPE) == form


def test_measuring_leaves_the_network_as_it_was():
    network = networks.build("resnet20", 16, mean=(0.5,) * 3, std=(0.25,) * 3)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    low, last = machine.fastest_layout(network, RECIPE)
    assert (type(low), type(last)) == (bool, bool)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_both_orders_in_memory_learn_the_same_and_a_resumed_run_keeps_its_own(tmp_path):
    x, y = signs.render("train", 64)
    images = Dataset("signs", "train", x[:, :, ::2, ::2].copy(), y, signs.CLASSES)
    runs = {}
    for last in (True, False):
        run = train.start(RECIPE, device="cpu")
        run.bf16, run.channels_last = False, last
        runs[last] = train.train(RECIPE, images, run=run, keep=tmp_path / f"{last}.pt", quiet=True)
        weight = runs[last].network.body.layer1[0].conv1.weight
        assert weight.is_contiguous(memory_format=machine.order(last))
    losses = [[row["loss"] for row in runs[last].history] for last in (True, False)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)  # rounding differs, and grows from step to step
    again = train.train(RECIPE, images, keep=tmp_path / "False.pt", quiet=True)
    assert (again.epoch, again.channels_last) == (2, False)
