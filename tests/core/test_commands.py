"""The command under a table gives that table: every stored row is a cell of the sweep printed for it."""

import pandas as pd

from resq.claims import provenance
from resq.measure.analysis import choose, stats
from resq.measure.specs.cells import Cell
from resq.measure.store import table

SAID = (
    "checkpoint", "data", "encoding", "ber", "map", "attack", "eps", "steps", "restarts", "sample",
    "seed", "n", "precision",
)  # fmt: skip


def rows() -> pd.DataFrame:
    """The stored rows of plain sweeps; those from before ``top`` was noted are left out."""
    found = table.shipped()
    found = found[(found["region"] == "all") & found["axis"].isin(["ber", "eps"])]
    noted = (found["axis"] == "eps") | (found["ber"] == 0) | (found["top"] > 0)
    return found[noted & ~found["checkpoint"].str.contains("/asym-")]


def known(cell: Cell) -> tuple[object, ...]:
    """What decides a cell; without flips neither the fault model nor the rate it is drawn at does."""
    drawn = (cell.fault, cell.top) if cell.ber else ("", 0.0)
    return (*(getattr(cell, key) for key in SAID), *drawn)


def test_every_stored_row_is_a_cell_of_a_command_that_is_printed_for_it():
    found = rows()
    printed = {known(cell) for spec in provenance.specs(found) for cell in spec.cells()}
    stored = [known(Cell(**{k: r[k] for k in (*SAID, "fault", "top")})) for r in found.to_dict("records")]
    assert len(stored) > 5000
    assert not [cell for cell in stored if cell not in printed]


def test_the_cells_that_speak_have_commands_that_measure_them_and_not_others_of_the_same_point():
    found = rows()
    base = found[(found["checkpoint"] == "cifar10/resnet18/base") & (found["encoding"] == "int8")]
    base = base[base["fault"] == "random"]
    lines = stats.longest_series(stats.curve(base))
    behind = choose.rows_of(base, lines, "ber")
    one = lines.set_index("x").loc[1e-2]
    command = next(c for c in provenance.commands(behind) if f"--n {one['n']}" in c and "0.01" in c)
    assert f"--maps {one['maps']}" in command
    drawn = max(float(x) for x in behind.loc[behind["n"] == one["n"], "ber"])
    assert ("--top" in command) == (drawn < one["top"])
