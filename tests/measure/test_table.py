"""Rows as a table: every column typed, older files read with defaults, per-image answers kept as bits."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.measure.store import packing, table

OLDER = [name for name in table.COLUMNS if name not in table.DEFAULTS]


@pytest.fixture(scope="module")
def rows():
    return list(sweep.run(SweepSpec("signs/resnet20/base", bers=(0.0, 3e-2), maps=1, n=20)))


def test_a_row_says_which_images_were_answered_correctly(rows):
    for row in rows:
        right = np.unpackbits(np.frombuffer(row["right"], np.uint8), count=row["n"])
        assert right.sum() == row["correct"]
    assert rows[0]["right"] != rows[1]["right"]


def test_a_file_without_the_newer_columns_is_read_with_their_defaults(rows, tmp_path):
    table.frame(rows)[OLDER].to_parquet(tmp_path / "old.parquet")
    found = table.read(tmp_path / "old.parquet")
    assert list(found.columns) == list(table.COLUMNS)
    said = {**table.DEFAULTS, "numbers": NUMBERS}  # carried: all of their logits are finite
    lines = found[list(table.DEFAULTS)].to_dict("records")
    assert [{k: None if v != v else v for k, v in line.items()} for line in lines] == [said] * 2
    assert list(found["correct"]) == [row["correct"] for row in rows]


def test_rows_come_back_from_parquet_csv_and_json_as_they_went(rows, tmp_path):
    whole = table.frame(rows)
    table.write(whole, tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_text(table.csv(whole))
    text = pd.read_csv(tmp_path / "rows.csv", dtype={"right": str}).to_dict("records")
    pd.testing.assert_frame_equal(table.read(tmp_path / "rows.parquet"), whole)
    pd.testing.assert_frame_equal(table.frame(text), whole)
    pd.testing.assert_frame_equal(table.frame(table.plain(row) for row in rows), whole)


def test_a_file_that_lacks_a_column_is_refused_by_name(rows, tmp_path):
    table.frame(rows)[OLDER].drop(columns="correct").to_parquet(tmp_path / "odd.parquet")
    with pytest.raises(ValueError, match=r"odd\.parquet lacks the columns correct"):
        table.read(tmp_path / "odd.parquet")


def test_shipped_rows_are_read_and_heatmaps_of_layers_are_not(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    table.write(table.frame(rows), tmp_path / "rows.parquet")
    pd.DataFrame({"layer": ["a"], "change": [0.1]}).to_parquet(tmp_path / "x-layers.parquet")
    assert len(table.shipped()) == 2


def test_a_cell_of_two_campaigns_counts_once(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    table.write(table.frame(rows), tmp_path / "one.parquet")
    again = [{**row, "code": "f" * 16} for row in rows]  # measured later, by newer code
    other = [{**row, "seed": 1, "key": f"{row['key']} of another seed"} for row in rows]
    table.write(table.frame([*again, *other]), tmp_path / "two.parquet")
    found = table.shipped()
    assert found["seed"].tolist() == [0, 0, 1, 1]
    assert set(found["code"]) == {row["code"] for row in rows}  # what came first stays


def test_no_cell_of_the_shipped_rows_would_count_twice():
    found = table.shipped()
    keyed = found[found["key"] != ""]
    assert len(keyed) > 1000
    assert not keyed["key"].duplicated().any()


def test_lists_of_fractions_are_packed_closer_than_parquet_packs_them_by_itself_and_read_back_equal(tmp_path):
    shares = np.random.default_rng(0).random((50, 640))
    made = pd.DataFrame({"layer": ["conv1"] * 50, "channels": list(shares), "worst": [[1, 2]] * 50})
    packing.to_parquet(made, packed := tmp_path / "packed.parquet")
    made.to_parquet(plain := tmp_path / "plain.parquet", index=False, compression="zstd")
    assert packed.stat().st_size < 0.95 * plain.stat().st_size
    assert pq.read_table(packed).equals(pq.read_table(plain))
