"""The report of a campaign that stops by a rule: its maps, its intervals, commands that give its means."""

import dataclasses
import re

import numpy as np
import pytest

from dashboard.report import html_report, measured
from resq.claims import provenance
from resq.cli import main, sweep_output
from resq.measure.run.sweep import run as sweep
from resq.measure.specs.campaign import CampaignSpec
from resq.measure.store import table

SPEC = CampaignSpec(("signs/resnet20/base",), bers=(0.0, 1e-3, 1e-2), maps=40, n=40, half=0.03)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The campaign's file and what it printed; its store stays for the whole module."""
    folder = tmp_path_factory.mktemp("rule")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESQ_WORK", str(folder / "work"))
        file = folder / "rule.toml"
        file.write_text(SPEC.toml())
        assert main(["campaign", str(file), "--out", str(folder / "rows.parquet")]) == 0
        yield file, table.read(folder / "rows.parquet")


def test_a_finished_campaign_is_called_finished_and_holds_the_rows_that_the_rule_asked_for(run):
    file, rows = run
    title, reported = provenance.target(str(file))
    assert title == "rule"
    assert sorted(reported["key"]) == sorted(rows["key"])
    maps = rows.groupby("ber").size().to_dict()
    assert maps[1e-3] == 20 < maps[1e-2] < 40


def test_its_figure_table_and_methods_have_the_intervals_of_the_rule(run):
    file, rows = run
    _, reported = provenance.target(str(file))
    half = provenance.half(str(file))
    assert half == 0.03
    ((*_, lines),) = measured.figures(reported, half)
    printed = sweep_output.faulty(rows, narrow=True)
    ends = ("mean", "low", "high", "map_low", "map_high", "maps")
    expected = np.array([[line[end] for end in ends] for line in printed], dtype=float)
    assert lines[list(ends)].to_numpy(float) == pytest.approx(expected)
    ((*_, plain),) = measured.figures(reported)
    struck = plain["x"] > 0
    assert (plain["map_low"] > lines["map_low"])[struck].all()
    text = html_report.page("rule", reported, half=half)
    assert "maps were added until the 95 % t interval" in text
    assert f"<td>{100 * printed[2]['low']:.2f}</td>" in text


def test_its_commands_measure_the_cells_of_its_rows_and_no_others(run):
    _, rows = run
    specs = provenance.specs(rows)
    assert len(specs) == 2
    measured_again = {(c.ber, c.map, c.top) for spec in specs for c in spec.cells()}
    assert measured_again == set(zip(rows["ber"], rows["map"], rows["top"], strict=True))
    few = next(spec for spec in specs if 1e-3 in spec.bers)
    assert "--ber 0.001 --maps 20" in few.command
    mean = rows[rows["ber"] == 1e-3]["correct"].mean()
    again = [row["correct"] for row in sweep(dataclasses.replace(few, maps=20))]
    assert sum(again) / len(again) == mean


def test_more_maps_in_the_store_than_the_rule_asked_for_change_nothing(run, tmp_path):
    file, rows = run
    whole = tmp_path / "whole.toml"
    whole.write_text(dataclasses.replace(SPEC, half=0.0, bers=(0.0, 1e-2), maps=32).toml())
    assert main(["campaign", str(whole), "--stream"]) == 0
    assert sorted(provenance.target(str(file))[1]["key"]) == sorted(rows["key"])


def test_a_campaign_that_is_not_finished_says_how_many_cells_are_surely_asked_for(run, tmp_path, monkeypatch):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))
    part = tmp_path / "part.toml"
    part.write_text(dataclasses.replace(SPEC, half=0.0, bers=(1e-2,), maps=20).toml())
    assert main(["campaign", str(part), "--stream"]) == 0
    title, rows = provenance.target(str(run[0]))
    assert re.fullmatch(r"rule, 20 of at least 41 cells", title)
    assert set(rows["ber"]) == {1e-2}
