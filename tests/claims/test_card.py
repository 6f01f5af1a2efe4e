"""Cards: a network by the fixed protocol, with rows that others can check."""

import json

import pytest

from resq.claims import card, leaderboard
from resq.cli import main
from tests.claims.test_claims import maps


@pytest.fixture
def written(own_folders):
    return card.write(maps(850, 851), {"guards": [{"name": "a sign", "verdict": "green"}]})


def test_the_protocol_has_what_the_leaderboard_needs():
    clean, faults, attack, strongest = card.protocol("signs/resnet20/base", test=4000)
    assert (clean.bers, clean.n) == ((0.0,), 4000)
    assert {1e-4, 1e-2, 2e-2} <= set(faults.bers)
    assert (attack.eps, attack.steps, attack.restarts) == ((0.0, 2.0, 4.0, 8.0), 20, 5)
    assert (strongest.attack, strongest.eps, strongest.n) == ("autoattack", (8.0,), 1000)


def test_without_the_optional_package_autoattack_is_said_to_be_missing(monkeypatch, own_folders):
    monkeypatch.setattr(card, "attacks", lambda: False)
    assert [spec.attack for spec in card.protocol("signs/resnet20/base")] == ["pgd", "pgd"]
    fields, _ = card.read(card.write(maps(850, 851)))
    assert fields["autoattack"] == "not measured: the package pyautoattack is not installed"
    assert card.listed(fields) == []


@pytest.fixture
def tiny_card(monkeypatch, tmp_path, capsys):
    """The words that measure a card on four images, and what they print."""
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))
    words = ["card", "signs/resnet20/base", "--quick", "--n", "4", "--maps", "1", "--json"]
    assert main(words) == 0
    return words, json.loads(capsys.readouterr().out)


def test_a_card_has_autoattack_and_the_guards_and_is_not_measured_twice(tiny_card, monkeypatch, capsys):
    pytest.importorskip("pyautoattack")
    words, first = tiny_card
    assert first["autoattack"] == "measured"
    assert 0 <= first["line"]["pgd_8"] <= 1
    assert first["line"]["strong_8"] is None  # AutoAttack on four images is measured and speaks for nothing
    # Four images are too few for what counts them; whether a pixel left its box they tell.
    assert {guard["verdict"] for guard in card.listed(first)} == {"green", "too few images"}
    assert (first["n"], first["maps"], first["guards"]["n"]) == (4, 1, 4)
    monkeypatch.setattr(
        "resq.measure.run.campaign.executors.measure", lambda cell: pytest.fail(f"measured again: {cell}")
    )
    monkeypatch.setattr(
        "resq.measure.run.adversary.checked_attack.checked", lambda spec: pytest.fail("measured again")
    )
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == first


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
    found = leaderboard.board(card.rows("nothing"), quoted=card.rows("others"))
    assert list(found["level"]) == [leaderboard.QUOTED]


@pytest.mark.parametrize(("text", "said"), [
    ("{}", "x.json is no card of resq-card-2"), ("[1]", "expected a JSON object, got a list"),
    ("nonsense", "x.json is not a readable card"),
])  # fmt: skip
def test_what_is_no_card_is_a_sentence(own_folders, capsys, text, said):
    (own_folders / "x.json").write_text(text)
    assert main(["card", str(own_folders / "x.json")]) == 2
    assert said in capsys.readouterr().err


def test_guards_of_a_strange_kind_are_refused(written):
    written.write_text(json.dumps({**json.loads(written.read_text()), "guards": {"guards": ["green"]}}))
    with pytest.raises(ValueError, match="names its guards in a way of its own"):
        card.read(written)
