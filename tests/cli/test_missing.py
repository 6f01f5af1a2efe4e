"""``sweep --missing``: what is stored is read, the rest is measured, and the table is the same."""

import json

import pytest

from resq.cli import main
from resq.core.errors import ResqError
from resq.measure.run.campaign import missing_cells
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

NAME = "signs/resnet20/base"
SMALL = ["sweep", NAME, "--encoding", "int8", "--ber", "0,1e-2", "--maps", "2", "--n", "20", "--seed", "77"]


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict]:
    """The JSON lines that a command prints."""
    assert main(arguments) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_only_cells_that_are_not_stored_are_measured_and_the_table_has_all(own_folders, capsys):
    spec = SweepSpec(NAME, bers=(0.0, 1e-2), maps=2, n=20, seed=77)
    first = told([*SMALL, "--stream"], capsys)
    rows = [line["row"] for line in first if "row" in line]
    assert len(rows) == spec.total == 3
    with_one = told(
        [*SMALL[:-6], "--maps", "3", "--n", "20", "--seed", "77", "--missing", "--stream"], capsys
    )
    assert with_one[0] == {"total": 1}
    assert [line["row"]["map"] for line in with_one[1:]] == [2]
    known, left = missing_cells.known(list(spec.cells()))
    assert left == []
    assert [row["correct"] for row in known] == [row["correct"] for row in rows]


def test_shipped_rows_count_as_stored_and_no_store_is_made_for_them(own_folders):
    shipped = table.shipped().query("checkpoint == @NAME and encoding == 'int8' and n == 250 and top == 0.1")
    bers = tuple(sorted(set(shipped["ber"])))
    rows, left = missing_cells.known(list(SweepSpec(NAME, bers=bers, maps=2, n=250).cells()))
    assert {row["map"] for row in rows if row["ber"]} == {0, 1}
    assert len(rows) == 2 * len(bers)
    assert not any(cell.ber for cell in left)
    assert not (own_folders / "work" / "store.sqlite").exists()


def test_a_stopping_rule_and_missing_cells_are_a_sentence():
    with pytest.raises(ResqError, match="--missing and --half-width cannot be combined"):
        missing_cells.known(list(SweepSpec(NAME, bers=(1e-2,)).cells()), 0.5)
