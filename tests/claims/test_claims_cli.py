"""``python -m resq claims``: verdicts for machines and people, and a cell measured again."""

import json

import pytest

from resq.claims import rerun
from resq.cli import main
from resq.measure.run.sweep import run as measure
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

TINY = """
[source]
label = "literature"
name = "a test"
[readings.int8]
label = "int8"
encodings = ["int8"]
[[claim]]
id = "sign"
kind = "accuracy"
says = "signs at BER 1e-3"
quoted = 98.0
data = "signs"
network = "resnet20"
ber = 1e-3
networks = ["signs/resnet20/base"]
readings = ["int8"]
"""


@pytest.fixture
def one_claim(monkeypatch, tmp_path, own_folders):
    """A single claim, about the embedded network, and its cell measured here."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "test.toml").write_text(TINY)
    monkeypatch.setattr("resq.claims.registry.CLAIMS", tmp_path / "claims")
    monkeypatch.setenv("RESQ_CACHE", str(tmp_path / "cache"))
    rows = list(measure(SweepSpec("signs/resnet20/base", bers=(1e-3,), maps=2, n=40)))
    table.write(table.frame(rows), tmp_path / "results" / "rows.parquet")
    monkeypatch.setattr(table, "SHIPPED", tmp_path / "results")
    return rows


def spoken(capsys, *argv: str) -> str:
    assert main(list(argv)) == 0
    return capsys.readouterr().out


def test_replay_lists_every_claim_with_its_verdict(capsys):
    found = json.loads(spoken(capsys, "claims", "--json"))
    claims = {claim["id"]: claim for claim in found["claims"]}
    assert {"id", "quoted", "measured", "low", "high", "verdict", "why"} <= set(claims["attack-gain"])
    assert claims["resnet18-ber-1e-2"]["quoted"] == 0.7471
    assert claims["resnet18-ber-1e-2-baseline"]["verdict"] == "not comparable"  # what guessing gives
    assert claims["group-resnet18-8bit"]["verdict"] == "reproduced"
    assert " of 9" in claims["resnet18-ber-1e-2"]["tried"]
    assert "95 % interval" in found["rule"]
    assert "resnet18-ber-1e-2" in spoken(capsys, "claims")


def test_one_claim_shows_its_readings_and_what_is_not_known(capsys):
    text = spoken(capsys, "claims", "resnet18-ber-1e-2-baseline")
    for part in ("NOT COMPARABLE", "not known", "fp32 words", "layer-uniform", "guessing"):
        assert part in text


def test_a_rerun_of_the_same_cell_gives_the_same_numbers_and_is_kept(capsys, one_claim):
    found = json.loads(spoken(capsys, "claims", "sign", "--rerun", "--json"))["claims"][0]
    again = found["rerun"]
    assert again["within"]
    assert again["compared"] == {"stored": 2, "again": 2, "equal": 2}
    assert again["says"].endswith("all 2 rows equal the stored ones, image by image")
    assert again["same_hashes"]
    assert again["measured"]["mean"] == again["stored"]["mean"] == sum(r["correct"] for r in one_claim) / 80
    kept = rerun.runs("sign")[0]
    assert [list(kept.rows[name]) for name in ("key", "correct")] == [
        [row[name] for row in one_claim] for name in ("key", "correct")
    ]
    assert (kept.at, kept.machine) == (again["at"], again["machine"])
    assert again["command"].startswith("python -m resq sweep signs/resnet20/base --ber 0.001")


def test_a_rerun_streams_its_rows_as_a_job_does(capsys, one_claim):
    text = spoken(capsys, "claims", "sign", "--rerun", "--n", "20", "--maps", "1", "--stream")
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0] == {"total": 1}
    assert lines[1]["row"]["n"] == 20


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["claims", "nonsense"], "no claim 'nonsense'; known: "),
        (["claims", "--rerun"], "--rerun needs a claim"),
        (["claims", "swin_t-ber-5e-3", "--rerun", "--n", "0"], "n must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_replayed_is_a_sentence(capsys, monkeypatch, tmp_path, argv, said):
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert said in error or "nothing near claim" in error
    assert error.count("\n") == 1
