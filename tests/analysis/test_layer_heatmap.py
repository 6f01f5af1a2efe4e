"""Heatmaps as rows: what is asked for, intervals that a pencil can check, and what cannot be used."""

import json

import numpy as np
import pandas as pd
import pytest

from resq.cli import main, sensitivity
from resq.measure.analysis import layer_heatmap
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.store import table

NAME = "signs/resnet20/base"


def row(**changes: object) -> dict[str, object]:
    """One measured map: 10 flips add 0.2 to the loss and cost 5 of 100 images."""
    return {
        "checkpoint": NAME, "network": "resnet20", "data": "signs", "encoding": "int8", "kind": "measured",
        "layer": "conv1.weight", "bit": 7, "words": 432, "map": 0, "flips": 10, "share": 0.01, "n": 100,
        "loss": 0.5, "change": 0.2, "linear": 0.0, "usual": 0.0, "clean": 98, "correct": 93, "channels": [],
        "worst": [], "costs": [], "seed": 0, "weights": "a" * 16, "images": "b" * 16, **changes,
    }  # fmt: skip


def estimate(**changes: object) -> dict[str, object]:
    return row(kind="instant", flips=1, clean=-1, correct=-1, **changes)


def test_a_cell_is_the_mean_per_flipped_bit_with_its_interval_over_maps():
    # 0.1, 0.2, 0.3 over 10 flips each: mean 0.02; t(2) = 4.303 times 0.01 / sqrt(3).
    found = layer_heatmap.cells(
        layer_heatmap.frame(row(map=m, change=c) for m, c in enumerate((0.1, 0.2, 0.3))), "measured"
    )
    assert len(found) == 1
    cell = found.iloc[0]
    assert (cell["mean"], cell["maps"], cell["drop"]) == (pytest.approx(0.02), 3, pytest.approx(0.05))
    assert cell["high"] - cell["mean"] == pytest.approx(4.303 * 0.01 / np.sqrt(3), rel=1e-3)


def test_what_the_gradient_explains_is_no_noise():
    # The maps differ only by what the gradient says of them: 0.2 = 0.1 + 0.1 and 0.4 = 0.1 + 0.3.
    rows = [row(change=0.2, linear=0.1, usual=0.2), row(map=1, change=0.4, linear=0.3, usual=0.2)]
    cell = layer_heatmap.cells(layer_heatmap.frame(rows), "measured").iloc[0]
    assert cell["mean"] == pytest.approx((0.2 + 0.4) / 2 / 10)
    assert cell["low"] == pytest.approx(cell["high"])


def test_one_map_has_no_interval_and_stands_above_no_noise():
    found = layer_heatmap.cells(layer_heatmap.frame([row()]), "measured")
    assert np.isnan(found["low"][0])
    assert not layer_heatmap.above_noise(found).any()


def pairs(changes: list[float], estimates: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measured cells without noise, one a layer, and their estimates."""
    rows = [row(layer=f"l{i}", map=m, change=c) for i, c in enumerate(changes) for m in range(2)]
    guesses = [estimate(layer=f"l{i}", change=c) for i, c in enumerate(estimates)]
    frame = layer_heatmap.frame([*rows, *guesses])
    return layer_heatmap.cells(frame, "measured"), layer_heatmap.cells(frame, "instant")


def test_the_rank_correlation_is_over_cells_above_their_noise():
    measured, instant = pairs([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])
    found = layer_heatmap.agreement(measured, instant)
    assert found.rho == pytest.approx(0.9)  # 1 - 6 * 2 / (5 * 24)
    assert (found.used, found.of) == (5, 5)
    assert found.low < 0.9 < found.high
    measured.loc[0, ["low", "high"]] = [-1.0, 3.0]
    assert layer_heatmap.agreement(measured, instant).used == 4


def test_three_cells_are_too_few_for_a_rank_correlation():
    assert np.isnan(layer_heatmap.agreement(*pairs([1, 2, 3], [1, 2, 3])).rho)


def test_a_spec_says_what_is_wrong_with_it():
    with pytest.raises(ValueError, match="got 2"):
        LayerSpec(NAME, share=2)
    with pytest.raises(ValueError, match="maps must be at least 0, got -1"):
        LayerSpec(NAME, maps=-1)
    with pytest.raises(ValueError, match="got 99"):
        LayerSpec(NAME, encoding="int99")


def test_a_spec_knows_its_rows_and_the_words_of_its_command():
    spec = LayerSpec(NAME, encoding="int4-tmr2", maps=3, share=0.05)
    assert spec.total == 20 * 8 * (1 + 3)
    assert spec.argv() == ["sensitivity", NAME, "--measured", "--encoding", "int4-tmr2", "--maps", "3",
                           "--share", "0.05"]  # fmt: skip
    assert spec.hash != LayerSpec(NAME, encoding="int4-tmr2", maps=4, share=0.05).hash


def test_rows_survive_a_file_and_a_broken_file_is_a_sentence(tmp_path):
    kept = layer_heatmap.frame([row(), estimate(channels=[0.5, 1.0], worst=[3, 1], costs=[0.2, 0.1])])
    table.write(kept, tmp_path / "x-layers.parquet")
    back = layer_heatmap.read(tmp_path / "x-layers.parquet")
    assert list(back["worst"][1]) == [3, 1]
    assert back["change"].tolist() == [0.2, 0.2]
    (tmp_path / "y.parquet").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"y\.parquet is not a readable parquet file"):
        layer_heatmap.read(tmp_path / "y.parquet")
    kept.drop(columns="bit").to_parquet(tmp_path / "z.parquet")
    with pytest.raises(ValueError, match="lacks the columns bit"):
        layer_heatmap.read(tmp_path / "z.parquet")


def test_heatmaps_are_no_rows_of_sweeps(monkeypatch, tmp_path):
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    table.write(layer_heatmap.frame([row()]), tmp_path / "signs-resnet20-layers.parquet")
    assert table.shipped().empty
    assert len(layer_heatmap.shipped()) == 1


def test_the_command_prints_a_heatmap_and_streams_its_rows(capsys):
    assert main(["sensitivity", NAME, "--n", "8", "--stream"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"total": 160}
    assert len(lines) == 161
    assert {"layer", "bit", "change"} <= set(lines[1]["row"])


def test_a_file_that_exists_is_not_overwritten(tmp_path, capsys):
    file = tmp_path / "there.parquet"
    file.write_bytes(b"mine")
    assert main(["sensitivity", NAME, "--out", str(file)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert file.read_bytes() == b"mine"


def test_the_heatmap_for_people_has_a_line_per_layer_and_no_shade_for_what_helps():
    changes = {("a", 1): 1e-2, ("a", 0): 1e-4, ("b", 1): 1e-3, ("b", 0): -1e-9}
    rows = [estimate(layer=layer, bit=bit, change=c) for (layer, bit), c in changes.items()]
    shown = sensitivity.heat(layer_heatmap.cells(layer_heatmap.frame(rows), "instant")).splitlines()
    assert [line.split() for line in shown] == [
        ["bit", "1", "bit", "0"],
        ["a", "█", "1.0e-02", "░", "1.0e-04"],
        ["b", "▓", "1.0e-03", "-1.0e-09"],
    ]
