"""The Trade-off page: the chosen cell is ringed, run again, and held against the stored one."""

import json

import pytest

from dashboard import cached, charts
from resq import checkpoints
from resq.claims import points, rerun
from resq.core.errors import ResqError
from resq.measure.analysis import stats, tradeoff
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from tests.analysis.test_tradeoff import both, rows
from tests.pages import fine
from tests.server.test_job_queue import pressed, until
from tests.views.test_app import NAME, opened, said

AT = {"net": NAME, "enc": "int8", "ber": "0.01", "eps": "8"}


@pytest.mark.parametrize(
    ("at", "axis", "words"),
    [
        ((1e-2, 8.0), "joint", {"bers": (1e-2,), "eps": (8.0,), "modes": ("transfer",)}),
        ((1e-2, 0.0), "ber", {"bers": (1e-2,)}),
        ((0.0, 8.0), "eps", {"eps": (8.0,)}),
    ],
)
def test_a_cell_of_a_surface_is_measured_again_where_it_was_measured(at, axis, words):
    surface = tradeoff.cells(rows(), "transfer")
    (line,) = surface[(surface["ber"] == at[0]) & (surface["eps"] == at[1])].to_dict("records")
    cell = points.of_surface(line)
    assert (cell.axis, cell.ber, cell.eps) == (axis, *at)
    assert rerun.spec(cell, n=50, maps=2) == SweepSpec(NAME, maps=2, n=50, **words)


def test_a_cell_under_both_is_the_same_point_only_in_the_same_mode():
    surfaces = [tradeoff.cells(rows(), mode).to_dict("records")[-1] for mode in ("transfer", "adaptive")]
    transfer, adaptive = map(points.of_surface, surfaces)
    (again,) = points.cells(table.frame([both(1e-2, 8.0, 20)]), tuple(stats.AXES))
    assert rerun.same_point(again, transfer)
    assert not rerun.same_point(again, adaptive)
    assert transfer.point == "BER 0.01, random; pgd 20x1, eps 8/255, transfer"


def test_rows_without_flips_name_no_fault_model_and_can_be_measured_again():
    attack = {"axis": "eps", "fault": "none", "attack": "pgd", "steps": 20, "restarts": 1, "eps": 8.0}
    (cell,) = points.cells(table.frame([{**both(0.0, 8.0, 40), **attack, "mode": "none"}]))
    assert rerun.spec(cell).eps == (8.0,)


def rings(app) -> list[tuple[float, float]]:
    """Where a dot is ringed, in all figures of a page."""
    traces = [t for chart in app.get("plotly_chart") for t in json.loads(chart.proto.spec)["data"]]
    found = [t for t in traces if t.get("marker", {}).get("symbol") == "circle-open"]
    return [(t["x"][0], t["y"][0]) for t in found]


def test_the_chosen_cell_is_ringed_in_its_column_and_in_its_row():
    app = opened("tradeoff", **AT)
    fine(app)
    shown = cached.cells(NAME, "int8", "adaptive")
    mean = shown[(shown["ber"] == 1e-2) & (shown["eps"] == 8)]["mean"].item()
    assert rings(app) == [(1e-2, mean), (8.0, mean)]


def test_a_shipped_map_with_tiles_that_nobody_measured_offers_to_measure_them():
    whole = opened("tradeoff", **AT)
    assert not [button for button in whole.button if (button.key or "").startswith("map_")]
    edges = opened("tradeoff", net=NAME, enc="int4-tmr2")  # measured under faults alone
    fine(edges)
    assert [
        button.label.partition(":")[0] for button in edges.button if (button.key or "").startswith("map_")
    ]
    (chart,) = (c for c in edges.get("plotly_chart") if c.proto.id.endswith("-surface"))
    budgets = json.loads(chart.proto.spec)["layout"]["xaxis"]["ticktext"]
    assert budgets == ["0", "4", "8"]


def test_no_dot_is_ringed_unless_one_is_named(rows):
    drawn = charts.CHARTS["ber"].draw(cached.curves(rows, "ber"), {}, chosen="another · int8 · BER 0.01")
    assert "circle-open" not in drawn.to_json()


def test_the_chosen_cell_is_run_again_and_held_against_the_stored_one(monkeypatch):
    app = opened("tradeoff", **AT, n="100", maps="2")
    run = pressed(app, "run_cell", monkeypatch)
    assert app.query_params["again"]
    kept = cached.rows().query("checkpoint == @NAME and axis == 'joint' and ber == 0.01 and eps == 8")
    stored = kept[kept["mode"] == "adaptive"].to_dict("records")
    drawn = {key: stored[0][key] for key in ("steps", "top")}
    cell = {"bers": (1e-2,), "eps": (8.0,), "modes": ("adaptive",), **drawn}
    assert run.jobs[0].argv == SweepSpec(NAME, n=100, maps=2, **cell).argv()
    run.jobs[0].rows = stored
    run.jobs[0].state = "done"
    until(lambda: run.state == "done")
    assert "equal the stored one" in said(app.run())
    app.session_state["numbers_cell_again"] = True  # its box is opened
    measured = [t.value for t in app.run().dataframe if "measured" in t.value]
    assert [list(table["measured"]) for table in measured] == [["stored", "again"]]
    assert measured[0]["accuracy %"].nunique() == 1  # the rows of the re-run are the stored ones
    run.jobs[0].rows = [{**row, "correct": row["n"] - 1, "right": b""} for row in stored]
    assert "which does NOT hold 0" in said(app.run())
    fine(app)


def test_a_surface_that_cannot_be_read_is_a_sentence_and_the_rest_of_the_page_stays(monkeypatch):
    def broken(*_: str) -> None:
        raise ResqError("rows.parquet is not a readable table")

    monkeypatch.setattr(cached, "together", broken)
    app = opened("tradeoff", **AT)
    fine(app, "is not a readable table")
    assert "rows.parquet is not a readable table" in said(app).replace("\\", "")
    assert "Does one shield protect against both?" in said(app)


def test_a_cell_whose_weights_are_not_here_offers_no_run(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    app = opened("tradeoff", **AT)
    fine(app, "are not on this machine")
    assert "weights of signs/resnet20/base are not on this machine" in said(app).replace("\\", "")
    assert "run_cell" not in [button.key for button in app.button]


def test_what_each_shield_gives_names_its_network_and_says_what_its_symbols_are():
    app = opened("tradeoff", surface_net=NAME)
    fine(app)
    assert f"**{NAME.rpartition('/')[0]}**: Lambda" in said(app)
    for symbol in ("R_A and R_F: ", "D_A and X_FA: ", "D_F and X_AF: ", "Lambda is X_FA / D_A − X_AF / D_F"):
        assert symbol in said(app)
    assert "four networks" not in said(app)  # of this study three are drawn
