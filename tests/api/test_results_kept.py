"""What a result says, draws and writes stays true: its command, its figure, its files."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import resq
from resq import checkpoints
from resq.core.errors import ResqError
from resq.data import own

BASE = "signs/resnet20/base"


def test_a_result_of_ones_own_has_no_command_however_many_were_measured_since():
    x, y = torch.rand(20, 3, 8, 16), torch.arange(20) % 16
    first = resq.sweep(nn.Sequential(nn.Flatten(), nn.Linear(384, 16)), x, y, ber=0, maps=1)
    heat = resq.sensitivity(nn.Sequential(nn.Flatten(), nn.Linear(384, 16)), x, y)
    assert (first.command, heat.command) == ("", "")
    for _ in range(max(checkpoints.MOST_HELD, own.MOST_HELD) + 1):
        other = nn.Sequential(nn.Flatten(), nn.Linear(384, 16))
        resq.sweep(other, torch.rand(20, 3, 8, 16), y, ber=0, maps=1)
    assert not checkpoints.held(first.spec.checkpoint)
    assert (first.command, heat.command) == ("", "")


def test_a_result_saved_as_csv_or_parquet_is_the_same_report(tmp_path):
    found = resq.sweep(BASE, ber=[0, 1e-2], maps=2, n=40)
    files = [found.save(tmp_path / "rows.csv"), found.save(tmp_path / "rows.parquet")]
    reports = [resq.report(file, tmp_path / f"{file.suffix[1:]}.html") for file in files]
    pages = [report.read_text(encoding="utf-8") for report in reports]
    assert all(found.rows[0]["weights"] in page for page in pages)
    assert len({page.count(found.rows[2]["key"]) for page in pages}) == 1


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\n1,2\n", "checkpoint\n"])
def test_a_csv_file_of_something_else_is_refused(text, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ResqError, match=r"rows\.csv (is not a \.csv file of measured|has no) rows"):
        resq.report(file, tmp_path / "report.html")
    with pytest.raises(ResqError, match=r"none\.csv is not a \.csv file of measured rows"):
        resq.report(str(tmp_path / "none.csv"), tmp_path / "report.html")


def test_hashes_of_digits_alone_are_read_back_as_texts(tmp_path):
    from resq.api import making

    found = resq.sweep(BASE, ber=0, maps=1, n=8)
    frame = found.frame.assign(weights="0123456789012345", images="12345678901234e1", right=[b"\x10"])
    frame.assign(right="10").to_csv(tmp_path / "rows.csv", index=False)
    pd.testing.assert_frame_equal(making._of_csv(tmp_path / "rows.csv"), frame)


def test_rows_of_a_heatmap_are_saved_for_pandas_and_no_report(tmp_path):
    heat = resq.sensitivity(BASE, n=8)
    file = heat.save(tmp_path / "rows.parquet")
    assert len(pd.read_parquet(file)) == len(heat.frame)
    with pytest.raises(ResqError):
        resq.report(file, tmp_path / "report.html")
    assert "``resq.report`` reads that of a ``Result`` alone" in type(heat).save.__doc__


def titles(figure):
    """What each picture says it is of, by its axis, from the top."""
    drawn_on = {note.yref.removesuffix(" domain"): note.text for note in figure.layout.annotations}
    places = {name: figure.layout[name.replace("y", "yaxis")].domain for name in drawn_on}
    assert len({end for place in places.values() for end in place}) == 2 * len(places)
    return {drawn_on[name]: name for name in sorted(places, key=lambda name: -places[name][0])}


@pytest.mark.parametrize("modes", [["transfer", "adaptive"], ["adaptive"]])
def test_a_figure_of_faults_and_attack_at_once_is_a_map_of_each_mode_under_its_name(modes):
    found = resq.sweep(BASE, ber=[0, 1e-2], eps=[0, 8], mode=modes, maps=1, steps=2, n=20, progress=False)
    figure = found.plot()
    places = titles(figure)
    assert list(places) == [f"Accuracy under both: {mode} examples" for mode in modes]
    for mode, axis in zip(modes, places.values(), strict=True):
        tiles = [
            np.array(t.z, float) for t in figure.data if t.type == "heatmap" and (t.yaxis or "y") == axis
        ]
        means = found.curve.loc[found.curve["mode"] == mode].sort_values(["ber", "eps"])["mean"]
        assert np.nanmax(tiles, axis=0).ravel().tolist() == means.tolist()


def test_a_figure_of_faults_and_of_attack_apart_has_both_curves():
    found = resq.sweep(BASE, ber=[0, 1e-2], eps=[0, 8], maps=1, steps=2, n=20, progress=False)
    figure = found.plot()
    dots = {axis: [] for axis in ("y", "y2")}
    for trace in figure.data:
        if trace.name:
            dots[trace.yaxis] += trace.y
    for axis, name in (("ber", "y"), ("eps", "y2")):
        assert sorted(dots[name]) == sorted(
            found.curve[found.curve["attack"].eq("none") == (axis == "ber")]["mean"]
        )
    texts = [note.text for note in figure.layout.annotations]
    assert [text for text in texts if "under" in text] == [
        "Accuracy under flipped bits",
        "Accuracy under attack",
    ]
    assert sum(bool(t.name) and t.showlegend is not False for t in figure.data) == 1
    alone = resq.sweep(BASE, ber=[0, 1e-2], maps=1, n=20, progress=False).plot()
    assert not [note for note in alone.layout.annotations if "under" in note.text]
