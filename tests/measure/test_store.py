"""The store: rows by key, none twice whoever writes, the same in SQLite and in PostgreSQL."""

import multiprocessing
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sql

from resq.cli import main
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.measure.store import database, rows_by_key, table

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
BINARIES = DEBIAN or [Path(shutil.which("initdb") or "/none").parent]
SPEC = SweepSpec("signs/resnet20/base", bers=(0.0, 3e-2), eps=(2.0,), steps=1, maps=2, n=9)


@pytest.fixture(scope="module")
def rows():
    from resq.measure.run import sweep  # torch, which processes that only write need not load

    return list(sweep.run(SPEC))


def unprivileged() -> dict:
    """Who runs PostgreSQL: it refuses root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}


@pytest.fixture(scope="session")
def postgresql():
    """The address of a PostgreSQL started for these tests; it listens to a socket in its own folder only."""
    here = BINARIES[-1]
    if not (here / "initdb").exists() or os.name != "posix":
        if os.environ.get("CI"):
            pytest.fail("no PostgreSQL on this machine: install it, as .ci/run does")
        pytest.skip("no PostgreSQL on this machine (initdb was not found)")
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path is short
    folder.chmod(0o777)

    def call(*words: str) -> None:
        subprocess.run(words, check=True, capture_output=True, cwd=folder, timeout=120, **unprivileged())

    data = folder / "data"
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    try:
        call(str(here / "initdb"), "-D", str(data), "-U", "resq", "-A", "trust", "-N")
        call(str(here / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield f"postgresql+psycopg://resq@/postgres?host={folder}"
    finally:
        if (data / "postmaster.pid").exists():
            call(str(here / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, monkeypatch, tmp_path):
    """A new store of each kind."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
    monkeypatch.setenv("RESQ_STORE", url)
    database.META.drop_all(database.engine())
    database.META.create_all(database.engine())
    yield url
    database.engine().dispose()


def test_a_row_added_twice_is_there_once(address, rows):
    assert rows_by_key.add(rows[:2]) == 2
    assert rows_by_key.add(rows) == len(rows) - 2
    assert rows_by_key.add(rows) == 0
    assert rows_by_key.keys() == {row["key"] for row in rows}
    assert rows_by_key.keys(["nobody", rows[0]["key"]]) == {rows[0]["key"]}


def test_rows_come_out_as_they_went_in(address, rows):
    rows_by_key.add(rows)
    whole = table.frame(rows)
    pd.testing.assert_frame_equal(rows_by_key.by_key([row["key"] for row in rows]), whole)
    pd.testing.assert_frame_equal(
        rows_by_key.rows(axis="ber"), whole[whole["axis"] == "ber"].reset_index(drop=True)
    )
    assert len(rows_by_key.rows(ber=[0.0, 0.5], encoding=["int8"], axis="ber")) == 1
    assert rows_by_key.rows(checkpoint="a/b/c").empty
    assert list(rows_by_key.rows(checkpoint="a/b/c").columns) == list(table.COLUMNS)


def test_what_is_stored_is_listed_by_series(address, rows):
    rows_by_key.add(rows)
    found = rows_by_key.series()
    assert dict(zip(found["axis"], found["rows"], strict=True)) == {"ber": 3, "eps": 1}


def _write(url: str, rows: list) -> None:
    os.environ["RESQ_STORE"] = url
    for row in rows:
        rows_by_key.add([row])


def test_two_writers_at_once_store_every_row_once(address, rows):
    many = [{**row, "key": f"{row['key']}-{i}", "seed": i % 7} for i in range(20) for row in rows]
    database.engine().dispose()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(address, part)) for part in (many, many[::-1])]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert rows_by_key.series()["rows"].sum() == len(many) == len(rows_by_key.keys())


def test_rows_older_than_keys_are_told_apart_by_what_they_say(address, rows):
    older = [{name: row[name] for name in table.COLUMNS if name not in table.DEFAULTS} for row in rows]
    assert rows_by_key.add(older) == len(rows)
    assert rows_by_key.add(older) == 0


LATER = {
    "series": ["targets", "bits", "software", "processor", "precision"],
    "rows": ["sdc1", "sdc10", "sdc20", "numbers", "top", "right"],
    "again": ["targets", "sdc1", "numbers", "right"],
}


def _made_older(rows: list) -> None:
    """The tables as they were before these columns, with rows of version 1 in them."""
    rows_by_key.add(rows)
    with database.engine().begin() as connection:
        for of, names in LATER.items():
            for name in names:
                connection.execute(sql.text(f'ALTER TABLE {of} DROP COLUMN "{name}"'))
    database.engine().dispose()
    database._engine.cache_clear()


def test_an_older_store_takes_the_columns_that_came_later_and_keeps_its_rows(address, rows):
    _made_older(rows)
    found = rows_by_key.rows()
    assert len(found) == len(rows)
    assert set(found["numbers"]) == {NUMBERS}
    assert found["sdc1"].isna().all()
    assert (found["targets"] == "weights").all()
    assert (found["right"].str.len() == 0).all()
    assert rows_by_key.add(rows) == 0  # by their keys they are the same rows
    assert rows_by_key.again().empty


def test_of_an_older_store_only_rows_that_count_alike_are_carried(address, rows):
    faulty = [row for row in rows if row["axis"] == "ber"]
    counted = zip(faulty, (3, 9, 0), strict=True)
    some, every, none = ({**row, "due": due, "correct": 2} for row, due in counted)
    _made_older([some, every, none])
    found = rows_by_key.rows().set_index("key")
    assert set(found.index) == {every["key"], none["key"]}
    assert found["correct"].to_dict() == {every["key"]: 0, none["key"]: 2}
    assert not rows_by_key.keys([some["key"]])  # so it is measured again
    assert rows_by_key.add([{**some, "correct": 1}]) == 1
    assert rows_by_key.rows().set_index("key")["correct"][some["key"]] == 1
    assert len(rows_by_key.rows(numbers="1")) == 1  # and what was there is there still


def test_a_column_that_rows_do_not_have_is_refused(address):
    with pytest.raises(ValueError, match="rows have no column 'colour'; known: checkpoint"):
        rows_by_key.rows(colour="red")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "sqlite:////nowhere/at/all.sqlite",
            "the store at sqlite:.* cannot be opened",
        ),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", r"the store at 127\.0\.0\.1:1/x cannot be opened"),
        ("nonsense", "the store at nonsense cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_is_a_sentence_without_its_password(monkeypatch, url, sentence):
    monkeypatch.setenv("RESQ_STORE", url)
    with pytest.raises(ValueError, match=sentence) as error:
        database.engine()
    assert "secret" not in str(error.value)


def test_the_command_brings_a_file_lists_it_and_writes_it(monkeypatch, tmp_path, capsys, rows):
    monkeypatch.setenv("RESQ_STORE", f"sqlite:///{tmp_path / 's.sqlite'}")
    table.write(table.frame(rows), tmp_path / "in.parquet")
    assert main(["store", "--import", str(tmp_path / "in.parquet")]) == 0
    assert f"rows {len(rows)}, new {len(rows)}" in capsys.readouterr().out
    assert main(["store"]) == 0
    assert "4 rows in 2 series" in capsys.readouterr().out
    assert main(["store", "--export", str(tmp_path / "out.parquet")]) == 0
    found = table.read(tmp_path / "out.parquet").sort_values("key", ignore_index=True)
    pd.testing.assert_frame_equal(found, table.frame(rows).sort_values("key", ignore_index=True))
    assert main(["store", "--checkpoint", "a/b/c", "--json"]) == 0
    assert '"series": []' in capsys.readouterr().out
