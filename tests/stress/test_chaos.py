"""A few of the faults of ``make chaos`` that need no process of their own, and that it counts honestly."""

import sqlite3

import numpy as np
import pytest

from resq.core import paths
from resq.measure.store import rows_by_key
from stress import crashes, stores
from stress.harness import notes


def test_a_damaged_store_is_a_sentence_that_says_what_to_do(own_folders):
    paths.work().mkdir()
    (paths.work() / "store.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(ValueError, match="file is not a database; if it is damaged, move it away"):
        rows_by_key.keys()


def test_a_read_only_store_can_be_read_and_refuses_rows_in_a_sentence(own_folders, monkeypatch):
    rows_by_key.note("a" * 16, "spec", 1, "now")
    monkeypatch.setenv("RESQ_STORE", f"sqlite:///file:{paths.work()}/store.sqlite?mode=ro&uri=true")
    assert len(rows_by_key.runs()) == 1
    with pytest.raises(ValueError, match="cannot be used: attempt to write a readonly database"):
        rows_by_key.note("b" * 16, "spec", 1, "now")


def test_half_cache_files_and_missing_pictures_recover(tmp_path):
    found, rng = notes.Notes(), np.random.default_rng(0)
    crashes.half_cache(tmp_path, found, 3, rng)
    crashes.gone_data(tmp_path, found, 1)
    assert (found.faults, found.recovered, found.failures) == (4, 4, [])


def test_a_lost_and_a_doubled_row_are_counted(tmp_path):
    campaign = stores.Campaign(tmp_path, {"a": (1, 2), "b": (3, 4)})
    with sqlite3.connect(campaign.store) as line:
        line.execute("create table rows (key, correct, flips)")
        line.executemany("insert into rows values (?, ?, ?)", [("a", 1, 2), ("a", 1, 2)])
    child = stores.Child(0, 0, '{"row": {"key": "a"}}\n{"row": {"key": "b"}}\n{"row": {"key"')
    found = notes.Notes()
    stores.check(campaign, found, child)
    assert (found.lost, found.doubled) == (1, 1)


def test_a_row_with_other_counts_is_a_failure(tmp_path):
    campaign = stores.Campaign(tmp_path, {"a": (1, 2)})
    with sqlite3.connect(campaign.store) as line:
        line.execute("create table rows (key, correct, flips)")
        line.execute("insert into rows values ('a', 9, 2)")
    found = notes.Notes()
    stores.check(campaign, found, stores.Child(0, 0))
    assert "1 rows are not those" in found.failures[0]
