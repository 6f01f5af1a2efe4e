"""Bits a weight, with what lies beside the words; copies that a rate takes; networks without weights."""

import pytest
from scipy import stats

from resq import checkpoints
from resq.cli import main, show
from resq.measure.engine.storage import copies, storage
from resq.measure.store import table

CIFAR = "cifar10/resnet18/base"


def test_the_headline_encoding_takes_more_than_its_name_says():
    names = ["int4-tmr2", "int4-tmr2+floats9", "int4-tmr2+folded9", "int4-tmr2+folded15"]
    found = {row["encoding"]: row for row in storage(checkpoints.load(CIFAR), names)}
    assert [round(row["all"], 2) for row in found.values()] == [8.08, 8.74, 8.14, 8.23]
    assert {row["words"] for row in found.values()} == {8.0}
    assert found["int4-tmr2"]["numbers_beside"] == 28_830


@pytest.mark.parametrize(("rate", "needed"), [(1e-4, 3), (1e-3, 5), (1e-2, 9), (5e-2, 17), (1e-1, 27)])
def test_so_many_copies_leave_under_a_tenth_of_a_bit_wrong_and_fewer_do_not(rate, needed):
    n_bits = 28_830 * 32
    assert copies(n_bits, rate) == needed
    assert n_bits * stats.binom.sf(needed // 2, needed, rate) < 0.1
    assert n_bits * stats.binom.sf((needed - 2) // 2, needed - 2, rate) >= 0.1


def test_no_number_of_copies_helps_against_a_coin():
    with pytest.raises(ValueError, match=r"more than 99 copies of 8 bits would be needed at a rate of 0\.5"):
        copies(8, 0.5)


def test_a_card_is_shown_with_what_the_network_takes_in_memory(capsys):
    assert main(["show", "signs/resnet20/plus"]) == 0
    said = capsys.readouterr().out
    assert "int4-tmr2+folded9" in said
    assert "9 at BER 0.01" in said or "7 at BER 0.01" in said


def test_a_network_with_rows_and_no_weights_here_is_told(monkeypatch, capsys):
    rows = table.shipped().head(3).assign(checkpoint="cifar10/resnet18/gone", weights="0123456789abcdef")
    monkeypatch.setattr(table, "shipped_but", lambda known: rows)
    assert show.without_weights() == [
        {"name": "cifar10/resnet18/gone", "rows": 3, "sha256": "0123456789abcdef"}
    ]
    assert main(["show", "cifar10/resnet18/gone"]) == 2
    said = capsys.readouterr().err
    assert "has 3 measured rows, of weights 0123456789abcdef, and neither weights nor a card here" in said
