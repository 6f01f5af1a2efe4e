"""Which class becomes which: counted, drawn, told, on the command line; and a cell of the Sweep run again."""

import json

import numpy as np
import pytest
import streamlit as st
import torch

from dashboard import cached, charts
from dashboard.charts import confusion as confusion_charts
from dashboard.components import rerun_cell
from resq import checkpoints
from resq.cli import main, parser
from resq.measure.run import confusion
from resq.measure.run.confusion import ConfusionSpec
from resq.measure.run.sweep import run as sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from tests.pages import fine
from tests.server.test_job_queue import pressed, until
from tests.views.test_app import NAME, commands, figures, opened, said

CELL = f"{NAME} · int8 · BER 0.01"
COUNTS = np.array([[8, 2, 0, 0], [0, 5, 4, 1], [0, 0, 0, 0]])  # three classes, the last column no number
CLASSES = ("stop", "yield", "no entry")


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def few(tmp_path, monkeypatch, rows):
    """A stored flow beside the stored rows of ``rows``."""
    weights = checkpoints.card(NAME)["sha256"][:16]
    line = {
        **{"checkpoint": NAME, "encoding": "int8", "fault": "random", "ber": 1e-2, "maps": 1, "n": 20},
        **{"seed": 0, "data": "signs", "weights": weights, "images": "b" * 16, "code": "c" * 16},
        **{"classes": list(CLASSES), "map": 0, "flips": 7, "flow": COUNTS.tolist()},
    }
    (tmp_path / "signs-resnet20-flow.json").write_text(json.dumps({"rows": [line, {**line, "map": 1}]}))
    return line


def test_the_answers_that_stay_are_those_of_the_faulty_network_and_every_image_is_counted_once():
    spec = ConfusionSpec(NAME, ber=2e-2, maps=2, n=30)
    rows = list(confusion.run(spec))
    assert [np.sum(row["flow"]) for row in rows] == [30, 30]
    # Right answers under the same maps: the sweep counts them independently.
    same = [row for row in sweep(spec.sweep()) if row["ber"] > 0]
    assert [row["flips"] for row in rows] == [row["flips"] for row in same]
    clean = next(iter(confusion.run(ConfusionSpec(NAME, ber=0.0, maps=1, n=30))))
    assert np.trace(np.array(clean["flow"])[:, :-1]) == 30
    # A network that is right on all 30 stays right exactly where the sweep counts it right.
    assert next(sweep(SweepSpec(NAME, bers=(0.0,), maps=1, n=30)))["correct"] == 30
    assert [int(np.trace(np.array(row["flow"])[:, :-1])) for row in rows] == [r["correct"] for r in same]


def test_what_is_no_number_has_a_column_of_its_own():
    row = next(iter(confusion.run(ConfusionSpec(NAME, "fp32", ber=0.05, maps=1, n=10))))
    assert sum(line[-1] for line in row["flow"]) > 0


def test_the_command_of_a_spec_is_one_that_the_program_takes():
    spec = ConfusionSpec(NAME, "int4-tmr2", "burst-row", 0.02, 3, 40, 7)
    given = parser().parse_args(spec.argv())
    assert (given.checkpoint, given.encoding, given.fault, given.ber) == (
        NAME,
        "int4-tmr2",
        "burst-row",
        (0.02,),
    )
    assert (given.maps, given.n, given.seed) == (3, 40, 7)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fault": "activations"}, "got activations"),
        ({"ber": 2.0}, "got 2"),
        ({"n": 0}, "n must be at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        ConfusionSpec(NAME, **changes)


def test_the_command_prints_the_commonest_changes_and_writes_its_rows(tmp_path, capsys):
    out = tmp_path / "x-flow.json"
    words = ["confusion", NAME, "--ber", "0.05", "--maps", "1", "--n", "20", "--out", str(out)]
    assert main(words) == 0
    assert (
        "of 20 answers change (20 images, 1 fault maps, sampler random, seed 0; counts of these, no interval"
        in capsys.readouterr().out
    )
    assert len(json.loads(out.read_text())["rows"]) == 1
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_broken_file_of_flows_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "a-flow.json").write_text("[]")
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    with pytest.raises(ValueError, match=r"a-flow\.json is not a readable flow"):
        confusion.shipped()


def test_changes_are_told_with_the_share_of_their_line_and_where_most_of_them_go():
    table = confusion_charts.changes(COUNTS, CLASSES)
    assert table.to_dict("records")[0] == {
        "as stored": "yield", "with the flips": "no entry", "answers": 4, "of the line %": 40.0,
    }  # fmt: skip
    told = confusion_charts.finding(COUNTS, CLASSES).replace("\u202f", " ")
    assert told == (
        "7 of 20 answers change (35.0 %). Most often yield becomes no entry: 40 % of its answers. "
        "Of all that change, 57 % become no entry."
    )
    assert confusion_charts.finding(np.eye(2, 3, dtype=int), CLASSES[:2]) == "None of 2 answers changes."


def test_answers_that_stayed_are_grey_and_those_that_changed_coloured_by_their_share():
    drawn = charts.CHARTS["flow"].draw(COUNTS, CLASSES)
    grey, coloured, words = drawn.data
    assert np.asarray(grey.z).tolist()[0] == [1, 0, 0, 0]
    assert np.asarray(coloured.z, dtype=float)[1, 2] == pytest.approx(0.4)
    assert np.isnan(np.asarray(coloured.z, dtype=float)[0, 0])
    told = {tuple(place[:2]): list(place[2:]) for place in words.customdata}
    assert told["yield", "no entry"] == [4, 0.4]
    assert all(answers for answers, _ in told.values()), "empty tiles are empty"
    assert drawn.layout.xaxis.ticktext[-1] == "no number"
    assert len(charts.CHARTS["flow"].draw(COUNTS * [1, 1, 1, 0], CLASSES).layout.xaxis.ticktext) == 3


def test_a_dot_of_the_curves_carries_the_name_of_its_cell(rows):
    drawn = charts.CHARTS["ber"].draw(cached.curves(rows, "ber"), {})
    names = [point[0] for trace in drawn.data if trace.customdata is not None for point in trace.customdata]
    assert CELL in names
    assert set(names) <= set(rerun_cell.known([SweepSpec(NAME)]))


def test_the_sweep_begins_with_the_int8_cell_at_one_in_a_hundred():
    specs = [SweepSpec(NAME, encoding=encoding) for encoding in ("fp32", "int8")]
    there = rerun_cell.known(specs)
    assert there[rerun_cell.telling_point(there)].encoding == "int8"
    others = {name: cell for name, cell in there.items() if cell.encoding == "fp32"}
    assert others[rerun_cell.telling_point(others)].ber == 1e-2
    few = {name: cell for name, cell in others.items() if cell.ber < 1e-2}
    assert rerun_cell.telling_point(few) == list(few)[-1]


def test_the_sweep_opens_on_a_chosen_cell_and_its_stored_flow(few):
    app = opened("sweep", cell=CELL)
    fine(app)
    assert figures(app) == 3
    text = said(app)
    for part in ("14 of 40 answers change", "2 fault maps", "yield becomes no entry", "stored; 95"):
        assert part in text, part


def test_an_attacked_cell_has_no_flow(few):
    app = opened("sweep", cell=f"{NAME} · int8 · PGD eps 8")
    fine(app)
    assert figures(app) == 2
    assert "choose one with a BER" in said(app)


@pytest.mark.parametrize("query", [{"cell": "nonsense"}, {"cell": ""}, {"again": "0123", "flow": "../x"}])
def test_nonsense_about_a_cell_in_a_link_falls_back(few, query):
    fine(opened("sweep", **query), "The link names the network", "no longer known here")


def test_without_a_stored_flow_the_command_is_told(rows):
    app = opened("sweep", cell=CELL)
    command = f"python -m resq confusion {NAME} --encoding int8 --ber 0.01 --maps 5 --n 300 --seed 0"
    assert command in commands(app)


def test_a_chosen_cell_is_measured_again_and_held_against_the_stored_one(rows, monkeypatch):
    app = opened("sweep", cell=CELL, n="100", maps="2")
    assert "It measures 100 images, 2 fault maps, seed 0; stored: " in said(app)
    run = pressed(app, "run_cell", monkeypatch)
    assert app.query_params["again"]
    stored = rows[rows["ber"] == 1e-2].to_dict("records")
    run.jobs[0].rows = stored[:2]
    run.jobs[0].state = "done"
    until(lambda: run.state == "done")
    app.run()
    fine(app)
    assert "of the 3 stored rows 2 were measured again, equal" in said(app)
    assert figures(app) == 3
    run.jobs[0].rows = [{**stored[0], "map": m, "correct": c, "right": b""} for m, c in ((0, 50), (1, 51))]
    assert "which does NOT hold 0" in said(app.run())


def test_a_flow_is_measured_as_a_job_and_drawn(rows, monkeypatch):
    app = opened("sweep", cell=CELL)
    run = pressed(app, "run_flow", monkeypatch)
    assert run.jobs[0].argv == ConfusionSpec(NAME).argv()
    run.jobs[0].rows = [next(iter(confusion.run(ConfusionSpec(NAME, maps=1, n=20))))]
    run.jobs[0].state = "done"
    until(lambda: run.state == "done")
    app.run()
    fine(app)
    assert "Measured here · BER" in said(app)


def test_the_shipped_flows_are_of_the_weights_that_are_shipped():
    rows = confusion.shipped()
    assert {row["checkpoint"] for row in rows} == {NAME, "cifar10/resnet18/base"}
    assert all(checkpoints.card(row["checkpoint"])["sha256"].startswith(row["weights"]) for row in rows)
    assert torch.tensor(rows[0]["flow"]).sum() == rows[0]["n"]
