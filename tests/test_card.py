"""Cards: a network by the fixed protocol, with rows that others can check."""

import json

import pytest

from resq.claims import board, card
from resq.cli import main
from tests.test_claims import maps


@pytest.fixture
def written(own_folders):
    return card.write(maps(850, 851), "quick")


def test_the_protocol_has_what_the_leaderboard_needs():
    clean, faults, attack = card.protocol("signs/resnet20/base", test=4000)
    assert (clean.bers, clean.n) == ((0.0,), 4000)
    assert {1e-4, 1e-2, 2e-2} <= set(faults.bers)
    assert (attack.eps, attack.steps, attack.restarts) == ((0.0, 2.0, 4.0, 8.0), 20, 5)


def test_a_card_is_read_back_with_its_rows(written):
    fields, rows = card.read(written)
    assert (fields["weights"], fields["rows"]) == ("a" * 16, 2)
    assert list(rows["correct"]) == [850, 851]


def test_one_altered_byte_of_the_rows_is_noticed(written):
    beside = written.with_suffix(".parquet")
    raw = bytearray(beside.read_bytes())
    raw[len(raw) // 2] ^= 1
    beside.write_bytes(bytes(raw))
    with pytest.raises(ValueError, match="was altered: SHA-256"):
        card.read(written)
    assert card.rows("own").empty


def test_rows_of_other_weights_are_refused(written):
    fields = json.loads(written.read_text())
    written.write_text(json.dumps({**fields, "weights": "f" * 16}))
    with pytest.raises(ValueError, match="rows of other weights"):
        card.read(written)


def test_anothers_card_is_loaded_and_stands_as_quoted(written, capsys):
    assert main(["card", str(written), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["line"]["ber_1e_2"] == pytest.approx(0.8505)
    found = board.board(card.rows("nothing"), quoted=card.rows("others"))
    assert list(found["level"]) == [board.QUOTED]


def test_what_is_no_card_is_a_sentence(own_folders, capsys):
    (own_folders / "x.json").write_text("{}")
    assert main(["card", str(own_folders / "x.json")]) == 2
    assert "x.json is no card of resq-card-1" in capsys.readouterr().err
