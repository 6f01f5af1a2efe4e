"""Rows of words of 4 bits: which are of the words of today, and that no other is shown."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sql

from resq import checkpoints
from resq.claims import provenance
from resq.core import Encoding
from resq.measure.specs.version import NUMBERS
from resq.measure.store import carry, database, rows_by_key, table
from resq.memory import quant

FLOATS, CODES = "308cfba279faeb38", "aec8dd84762daa66"  # of cifar10/resnet18/base and /fault
ROW = {
    **dict.fromkeys(("checkpoint", "network", "data", "fault", "attack", "images", "code"), "x"),
    **dict.fromkeys(("ber", "eps", "map", "flips", "steps", "restarts", "seed", "due"), 0),
    **{"region": "all", "axis": "ber", "n": 8, "correct": 2, "right": b"\x81", "key": "k"},
}


@pytest.mark.parametrize("numbers", ["1", "2"])
@pytest.mark.parametrize(("weights", "encoding", "same"), [
    (CODES, "int4", False), (CODES, "int4-tmr2", False), (CODES, "int8+int4-tmr2@0", False),
    (CODES, "int8", True), (CODES, "fp32", True), (CODES, "int4-tmr2+folded9", False),
    (FLOATS, "int4-tmr2", True), ("of-a-user", "int4", False),
])  # fmt: skip
def test_older_rows_in_words_of_four_bits_count_only_where_the_words_are_the_same(
    numbers, weights, encoding, same
):
    old = {**table.DEFAULTS, **ROW, "numbers": numbers, "weights": weights, "encoding": encoding}
    found = table.frame([old])
    assert (found["numbers"][0] == NUMBERS) == same == (len(carry.current(found)) == 1)
    one = carry.row(old)
    assert (one["numbers"], one["key"]) == ((NUMBERS, "k") if same else (numbers, f"numbers-{numbers}-k"))
    assert carry.row(one) == one
    now = {**old, "numbers": NUMBERS}
    assert carry.row(now) == now
    assert len(carry.current(table.frame([now]))) == 1


@pytest.mark.parametrize(
    ("attack", "mode", "restarts", "same"),
    [
        ("pgd", "transfer", 5, False), ("twin-pgd", "none", 2, False), ("twin-pgd", "adaptive", 2, False),
        ("pgd", "transfer", 1, True), ("pgd", "none", 5, True), ("pgd", "adaptive", 5, True),
        ("twin-pgd", "none", 1, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("numbers", ["1", "2", "3"])
def test_older_rows_of_several_restarts_count_only_where_these_stopped_at_an_error(
    own_folders, numbers, attack, mode, restarts, same
):
    said = {"numbers": NUMBERS, "weights": FLOATS, "encoding": "int8", "attack": attack, "mode": mode}
    axis = "eps" if mode == "none" else "joint"
    new = {**table.DEFAULTS, **ROW, **said, "axis": axis, "restarts": restarts}
    old = {**new, "numbers": numbers}
    assert (len(carry.current(table.frame([old]))) == 1) == same
    assert carry.row(old) == (new if same else {**old, "key": f"numbers-{numbers}-k"})
    rows_by_key.add([new])
    with database.engine().begin() as connection:
        connection.execute(sql.text(f"UPDATE rows SET numbers = '{numbers}'"))
    database.engine().dispose()
    database._engine.cache_clear()
    assert rows_by_key.keys(["k"]) == ({"k"} if same else set())
    assert len(rows_by_key.rows()) == same


@pytest.mark.parametrize(
    ("encoding", "same"),
    [
        ("fp16", False),
        ("fp16-mset", False),
        ("fp32+ranger", False),
        ("bf16+floats9", False),
        ("int8-secded", True),
    ],
)
def test_rows_of_attacks_on_flipped_float_words_of_version_1_are_not_carried_whatever_guards_them(
    encoding, same
):
    old = {**table.DEFAULTS, **ROW, "numbers": "1", "axis": "joint", "encoding": encoding, "weights": FLOATS}
    assert (len(carry.current(table.frame([old]))) == 1) == same
    assert (carry.row(old)["numbers"] == NUMBERS) == same
    faults = {**old, "axis": "ber"}
    assert len(carry.current(table.frame([faults]))) == 1
    assert carry.row(faults)["numbers"] == NUMBERS


def test_a_network_whose_older_rows_are_carried_is_kept_otherwise_or_in_the_words_that_were_made_anew():
    for found in map(checkpoints.load, checkpoints.names()):
        if found.hash in carry.OTHERWISE:
            for name, q in found.finished.items():  # none but of gtsrb/resnet18/plus
                assert np.array_equal(quant.quantize(found.state[name], Encoding(4)).words, q.words), name


def test_every_shipped_row_of_a_network_kept_in_four_bits_was_measured_in_its_words():
    four = {found.hash for found in map(checkpoints.load, checkpoints.names()) if found.finished}
    assert len(four) == 4
    rows = table.shipped()
    rows = rows[rows["encoding"].map(carry.in_four) & rows["weights"].isin(four - set(carry.OTHERWISE))]
    files = [pd.read_parquet(file) for file in table.SHIPPED.glob("*.parquet") if "layers" not in file.name]
    since = ("3", NUMBERS)  # the versions in which these words are those of the file
    said = [file for file in files if "numbers" in file]
    measured = {key for file in said for key in file["key"][file["numbers"].isin(since)]}
    assert len(rows)
    assert set(rows["key"]) <= measured


def test_a_store_hides_rows_of_other_words_and_measures_them_again(own_folders):
    rows = [{**table.DEFAULTS, **ROW, "numbers": NUMBERS, "encoding": "int4", "weights": weights, "key": key}
            for weights, key in ((CODES, "codes"), (FLOATS, "floats"))]  # fmt: skip
    assert rows_by_key.add(rows) == 2
    with database.engine().begin() as connection:
        connection.execute(sql.text("UPDATE rows SET numbers = '2'"))
    database.engine().dispose()
    database._engine.cache_clear()
    assert set(rows_by_key.rows()["key"]) == {"floats"}
    assert rows_by_key.keys(["codes", "floats"]) == {"floats"}
    assert rows_by_key.add([{**rows[0], "correct": 1}]) == 1
    assert rows_by_key.rows().set_index("key")["correct"].to_dict() == {"floats": 2, "codes": 1}


def test_a_file_of_rows_of_other_words_alone_is_no_source_of_a_report(tmp_path):
    old = {**table.DEFAULTS, **ROW, "numbers": "2", "weights": CODES, "encoding": "int4"}
    file = tmp_path / "rows.parquet"
    table.write(table.frame([old]), file)
    with pytest.raises(ValueError, match=r"all 1 rows of rows\.parquet are of older numbers than"):
        provenance.target(str(file))
    table.write(table.frame([old, {**old, "encoding": "int8"}]), file)
    assert provenance.target(str(file))[1]["encoding"].tolist() == ["int8"]


def test_no_shipped_file_itself_counts_an_image_without_an_answer_as_right():
    """Whoever reads a file without this project sees what the pages show."""
    for file in sorted(table.SHIPPED.glob("*.parquet")):
        rows = pd.read_parquet(file)
        if {"due", "correct", "n"} <= set(rows.columns):
            assert not ((rows["due"] == rows["n"]) & (rows["correct"] > 0)).any(), file.name
