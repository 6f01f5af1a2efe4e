"""Another device: the same flips, scattered instead of written; here the processor plays it."""

import json
from functools import partial

import numpy as np
import pytest
import torch

import resq
from benchmarks.gpu import device as device_script
from resq import checkpoints
from resq.attacks import bit_search, gradient
from resq.core import Encoding
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import joint_attack, machine, sensitivity, sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.memory import faults
from resq.platform import devices

# Not None: everything then takes the way that it takes on an accelerator.
DEVICE = torch.device("cpu")
BASE = "signs/resnet20/base"


@pytest.mark.parametrize("fields", [
    {"encoding": "int8"}, {"encoding": "int4-tmr2"}, {"encoding": "fp32"}, {"encoding": "int8-x3"},
    {"encoding": "int8", "targets": "all"}, {"encoding": "int8", "precision": "bf16"},
    {"encoding": "int8+folded9", "targets": "all"},
])  # fmt: skip
def test_rows_are_those_of_the_processors_own_way(fields):
    spec = SweepSpec(BASE, bers=(0.0, 1e-3, 1e-2), maps=2, n=60, seed=4, **fields)
    assert list(sweep.run(spec, DEVICE)) == list(sweep.run(spec))


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd"])
def test_so_are_those_of_attacks_and_of_both_at_once(attack, monkeypatch):
    pytest.importorskip("pyautoattack")
    monkeypatch.setitem(joint_attack.ATTACKS, "apgd", partial(gradient.apgd, steps=10))
    spec = SweepSpec(BASE, bers=(1e-3,), maps=1, eps=(4.0,), steps=3, n=8, attack=attack,
                     modes=("adaptive",) if attack == "pgd" else ())  # fmt: skip
    assert list(sweep.run(spec, DEVICE)) == list(sweep.run(spec))


@pytest.mark.parametrize("fields", [{}, {"metric": "pvf", "maps": 1}])
def test_so_are_heatmaps(fields):
    spec = LayerSpec(BASE, n=24, **fields)
    assert list(sensitivity.run(spec, DEVICE)) == list(sensitivity.run(spec))


def test_so_is_the_bit_search():
    checkpoint, images = checkpoints.load(BASE), resq.load_images("signs", n=24)
    found = [
        list(bit_search.search(FaultyNetwork(checkpoint, Encoding.parse("int8"), device=device), *images, 2))
        for device in (None, DEVICE)
    ]
    assert found[0] == found[1]


def test_every_bit_is_put_back_on_the_device():
    bench = FaultyNetwork(checkpoints.load(BASE), Encoding.parse("int8"), device=DEVICE)
    before = [value.clone() for value in bench.network.state_dict().values()]
    flips = faults.random(faults.region(bench.model), 0.01, rng=np.random.default_rng(0))
    with bench.flipped(flips) as network:
        assert any(not torch.equal(a, b) for a, b in zip(before, network.state_dict().values(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, bench.network.state_dict().values(), strict=True))


def test_a_row_names_what_computed_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Card {device.index}")
    assert devices.label(torch.device("cuda:1"), "x86_64") == "cuda, Card 1"
    assert devices.label(DEVICE, machine.processor()) == machine.processor()


def test_names_of_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.chosen("auto") == torch.device("cuda:0")
    assert devices.chosen("cuda") == torch.device("cuda:0")
    assert devices.chosen("cuda:1") == torch.device("cuda:1")
    assert devices.chosen("cpu") is None
    with pytest.raises(ValueError, match="cuda:2 is no CUDA device of this machine: it has 2"):
        devices.chosen("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.chosen("auto") is None
    with pytest.raises(ValueError, match="cuda is no CUDA device of this machine: it has none"):
        resq.sweep(BASE, ber=0, n=2, device="cuda")
    with pytest.raises(ValueError, match="got 'tpu'"):
        devices.chosen("tpu")


def test_what_only_the_processor_does_is_refused_elsewhere():
    spec = SweepSpec(BASE, bers=(1e-3,), fault="activations", maps=1, n=2)
    measurer = sweep.Measurer(DEVICE)
    measurer.device = torch.device("cuda:0")  # the refusal comes before anything is moved there
    with pytest.raises(ValueError, match="bits of activations flip on the processor alone, got cuda:0"):
        measurer.row(next(spec.cells()))


def test_the_script_for_a_gpu_runs_whole_on_the_processor_and_says_where_there_is_no_gpu(
    monkeypatch, capsys, tmp_path
):
    out = tmp_path / "lines.jsonl"
    words = ["--checkpoint", BASE, "--n", "40", "--maps", "1", "--out", str(out)]
    assert device_script.main([*words, "--device", "cpu"]) == 0
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["what"] for line in told] == ["device", "sweep", "pgd-20", "agreement"]
    assert told[3]["same flips and keys"]
    assert told[3]["images apart at most"] == 0
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_script.main(words) == 2
    assert "nothing was measured: cuda is no CUDA device of this machine" in capsys.readouterr().err
