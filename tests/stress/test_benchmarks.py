"""What the benchmarks print is what they measured; PyTorchFI gets exactly our fault map."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import injectors, layers, processor, steps, subjects
from benchmarks.__main__ import COMPARISONS, measured, parser
from benchmarks.engine import store
from benchmarks.timing import figure, in_turn, line, show
from resq.core import BitFlips
from resq.memory import flipping, quant
from stress.harness import clocks


def test_a_figure_is_met_on_the_right_side_of_its_target():
    assert figure(1.04, 1.05, "x")["met"]
    assert not figure(1.06, 1.05, "x")["met"]
    assert figure(12, 10, "x", more=True)["met"]
    assert not figure(9, 10, "x", more=True)["met"]


def test_what_could_not_be_measured_is_null_and_not_met_and_says_why():
    found = figure(None, 0.05, "x", note="mrfi is not installed")
    assert found["value"] is None
    assert not found["met"]
    assert line("share", found) == "share: not measured (at most 0.05: NOT met; mrfi is not installed)"


def test_works_in_turn_run_once_to_warm_up_and_once_a_turn():
    calls = []
    in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, turns=2)
    assert calls == ["a", "b", "a", "b", "a", "b"]


def test_the_clock_of_a_process_counts_what_it_computes_and_not_what_it_waits():
    began = clocks.clock(os.getpid())
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    computed = clocks.clock(os.getpid()) - began
    assert 50 <= computed < 1000
    time.sleep(0.2)
    assert clocks.clock(os.getpid()) - began - computed < 150


def test_the_first_visit_stands_apart_from_the_least_and_the_median_of_the_others():
    found = processor.figures([900.0, 50.0, 70.0, 60.0], [800.0, 55.0, 40.0, 90.0])
    assert found["cold before"] == 900
    assert (found["least before"], found["median before"]) == (50, 60)
    assert (
        processor.line("sweep", found)
        == "sweep: least 50, 40 (-10); median 60, 55 (-5); cold 900, 800 (-100)"
    )


def test_only_takes_the_comparisons_there_are():
    assert parser().parse_args(["--only", "pgd", "--quick"]).only == ["pgd"]
    with pytest.raises(SystemExit):
        parser().parse_args(["--only", "nothing"])
    faults = {"draws", "campaign", "injectors", "width", "heatmap", "deployed"}
    assert set(COMPARISONS) == faults | {"pgd", "workers", "store", "steps", "facade"}


def test_a_comparison_that_breaks_off_says_why_and_the_last_line_is_json(monkeypatch, capsys):
    def broken(quick):
        raise RuntimeError("no such layer")

    monkeypatch.setitem(COMPARISONS, "pgd", broken)
    show(measured("pgd", quick=True))
    lines = capsys.readouterr().out.splitlines()
    assert "not measured" in lines[0]
    assert json.loads(lines[-1])["pgd"]["note"] == "RuntimeError: no such layer"


def test_the_store_is_asked_on_as_many_rows_as_were_written(monkeypatch):
    monkeypatch.setenv("RESQ_STORE", "sqlite:///elsewhere.sqlite")
    monkeypatch.setattr(store, "ROWS", 4_000)
    found = store.queries(quick=False)
    notes = {name: value["note"] for name, value in found.items()}
    alone = [notes.pop(name) for name in list(notes) if "driver alone" in name]
    assert all(note.startswith("4,000 rows") for note in notes.values())
    assert len(alone) == len(store.ALONE) == 2
    assert all(note == f"median of {store.TIMES}, 0 rows, no table made of them" for note in alone)
    assert os.environ["RESQ_STORE"] == "sqlite:///elsewhere.sqlite"


def test_sqlites_driver_is_asked_for_the_same_rows_as_the_question_that_misses(monkeypatch):
    monkeypatch.setattr(store, "ROWS", 20_000)
    monkeypatch.setattr(store, "NETWORK", "cifar10/resnet18/variant0")
    notes = [value["note"] for name, value in store.queries(quick=False).items() if "driver alone" in name]
    assert notes == [f"median of {store.TIMES}, 20,000 rows, no table made of them"] * 2


def document() -> str:
    return (Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_the_document_says_of_how_many_turns_the_estimate_and_the_store_are_medians():
    (estimate,) = [
        line for line in document().splitlines() if line.startswith("| estimate of all cells, 256")
    ]
    assert estimate.split("|")[1].strip().endswith(f"median of {layers.TURNS}")
    driver = next(line for line in document().splitlines() if "SQLite's driver alone, which" in line)
    assert f"medians of {store.TIMES}" in driver
    numbers = {len(store.QUERIES): "five"}
    assert f"milliseconds of {numbers[len(store.QUERIES)]} questions" in document()


def test_the_estimates_note_says_how_many_turns_were_taken(monkeypatch):
    taken = []
    monkeypatch.setattr(layers, "bench", lambda: None)
    monkeypatch.setattr(layers.taylor, "estimate", lambda *_: taken.append(1))
    monkeypatch.setattr(layers, "reuse", lambda *_: (1.0, 1.0))
    monkeypatch.setattr(layers, "ranks", dict)
    note = layers.compare(quick=False)["estimate of all cells, ResNet18"]["note"]
    assert note.endswith(f"median of {len(taken)}")
    assert len(taken) == layers.TURNS


def test_where_bfloat16_is_slower_no_further_map_is_measured_in_it(monkeypatch):
    monkeypatch.setattr(injectors, "in_turn", lambda works, turns: {"fp32": 0.5, "bf16": 4.0})
    monkeypatch.setattr(injectors, "one_map", lambda *_: pytest.fail("a map in bfloat16"))
    assert injectors.half_helps.__wrapped__(1000) == (False, "bf16 takes 8.0 times as long on 50 images")


def test_pytorchfi_gets_the_places_of_our_map_and_the_values_of_the_flipped_words(small, monkeypatch):
    from types import SimpleNamespace

    from resq.core import Encoding

    model = small(Encoding(8))
    monkeypatch.setattr(injectors, "bench", lambda: SimpleNamespace(model=model))
    layout = model.layout
    at = np.array([layout.address("conv.weight", 137, 7), layout.address("linear.weight", 61, 0)])
    flips = BitFlips(at, np.zeros(2))
    found = injectors._places(flips)
    faulty = flipping.flip(model, flips).weights
    conv, linear = (quant.dequantize(faulty[name]) for name in ("conv.weight", "linear.weight"))
    assert found["layer_num"] == [0, 2]
    # 137 of shape (10, 4, 5, 5) is output 1, input 1, row 2, column 2; 61 of (6, 60) is output 1, input 1.
    coordinates = list(zip(*(found[name] for name in ("k", "dim1", "dim2", "dim3")), strict=True))
    assert coordinates == [(1, 1, 2, 2), (1, 1, None, None)]
    assert found["value"] == [conv[1, 1, 2, 2], linear[1, 1]]


def test_the_plain_network_is_torchvisions(monkeypatch):
    import torch

    from resq import data, networks
    from resq.checkpoints import Checkpoint
    from resq.core import Encoding
    from resq.measure.engine.faulty_network import FaultyNetwork

    source = data.source("cifar10")
    body = networks.build("resnet18", 10, mean=source.mean, std=source.std).body
    state = {k: v.numpy() for k, v in body.state_dict().items()}
    made = FaultyNetwork(
        Checkpoint("c", "resnet18", "cifar10", state, networks.weight_names(body), {}, "0"), Encoding(8)
    )
    monkeypatch.setattr(subjects, "bench", lambda: made)
    kinds = {type(m) for m in subjects.plain().modules() if isinstance(m, torch.nn.Conv2d)}
    assert kinds == {torch.nn.Conv2d}


@pytest.mark.parametrize("name", ["N-FGSM", "PGD-2", "bit errors"])
def test_a_step_and_its_bare_passes_go_through_the_network_equally_often(name):
    stage, own, searches, learnings = steps.CASES[name]
    run, pictures, recipe = steps._subject(2, 2)
    calls = []
    run.network.register_forward_hook(lambda module, given, out: calls.append(len(out)))
    for work in (
        lambda: steps._bare(run, pictures, 2, searches, learnings),
        lambda: steps._epoch(run, pictures, recipe, steps._objective(stage, own)),
    ):
        calls.clear()
        work()
        assert calls == [2] * 2 * (searches + learnings)
