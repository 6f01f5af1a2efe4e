"""Claims and their verdicts: what is quoted, what is measured, a word that follows from the rows alone."""

from pathlib import Path

import numpy as np
import pytest

from resq.claims import book, cells, rerun, verdict
from resq.measure import store, table

BASE = {
    "checkpoint": "cifar10/resnet18/base", "network": "resnet18", "data": "cifar10", "encoding": "int8",
    "fault": "random", "region": "all", "axis": "ber", "ber": 1e-2, "map": 0, "flips": 9, "attack": "none",
    "eps": 0.0, "steps": 0, "restarts": 0, "seed": 0, "n": 1000, "correct": 850, "due": 0,
    "weights": "a" * 16, "images": "b" * 16, "code": "c" * 16, "key": "", "mode": "none", "sample": "first",
    "right": b"",
}  # fmt: skip


def maps(*correct: int, **changed: object) -> list[dict]:
    """Rows of one cell, one per fault map."""
    return [{**BASE, "map": i, "correct": c, **changed} for i, c in enumerate(correct)]


def judged(claim: str, *rows: list[dict]) -> verdict.Verdict:
    claims = book.load()
    return verdict.judge(claims[claim], table.frame([row for part in rows for row in part]), claims)


FALLEN = maps(94, 96, 95, 98, 101, 104, encoding="fp32")
HARDENED = {"checkpoint": "cifar10/resnet18/plus", "weights": "d" * 16}


def test_every_figure_quoted_for_resq_is_there_with_its_source_and_what_is_unknown():
    claims = book.load()
    quoted = {
        c.id: (c.quoted, c.source.label) for c in claims.values() if c.source.label in ("paper", "blog")
    }
    assert quoted == {
        "attack-gain": (10.35, "paper"),
        "fault-gain": (12.47, "paper"),
        "asymmetry": (None, "paper"),
        "resnet18-ber-1e-2-baseline": (9.99, "blog"),
        "resnet18-ber-1e-2": (74.71, "blog"),
        "swin_t-ber-5e-3-baseline": (44.5, "blog"),
        "swin_t-ber-5e-3": (62.46, "blog"),
    }
    assert all(claims[key].unknown for key in quoted)


def test_anchors_are_quoted_as_their_sources_have_them():
    claims = book.load()
    assert claims["stutz-randbet-ber-1e-2"].quote == "7.41 % error"
    assert claims["stutz-randbet-ber-1e-2"].value == 0.9259
    assert claims["group-resnet18-3bit"].quote == "90.85 %"
    assert claims["bfa-resnet44-paper"].quote == "22 flips"
    assert claims["autoattack-wong"].value == 0.4321


def test_a_measured_share_is_spelled_in_the_claims_own_unit():
    claims = book.load()
    assert claims["stutz-randbet-ber-1e-2"].spell(0.92, 0.91, 0.93) == "8.00 % error (7.00 to 9.00)"
    assert claims["attack-gain"].spell(0.2) == "20.00 percentage points"


def test_the_baseline_fits_words_of_floats_and_not_independent_bits_of_int8():
    found = judged("resnet18-ber-1e-2-baseline", FALLEN, maps(850, 852, 849))
    words = {r.reading.label: r.verdict for r in found.readings if r.cell}
    assert words["fp32 words, independent bits"] == "reproduced"
    assert words["int8 affine per channel, independent bits"] == "not reproduced"
    assert found.verdict == "reproduced"
    assert found.decides.cell.encoding == "fp32"


def test_a_hardened_figure_counts_only_where_the_unhardened_network_falls():
    easy = maps(800, 802, 799, **HARDENED)
    found = judged("resnet18-ber-1e-2", FALLEN, maps(850, 852, 849), easy)
    assert found.verdict == "not comparable"
    assert "unhardened 85.0 %" in found.why
    hard = maps(810, 812, 809, **HARDENED, encoding="fp32")
    found = judged("resnet18-ber-1e-2", FALLEN, maps(850, 852, 849), easy, hard)
    assert (found.verdict, found.decides.reading.label) == ("exceeded", "fp32 words, independent bits")
    assert found.decides.value == pytest.approx(0.8103, abs=1e-4)
    assert found.decides.low < 0.8103 < found.decides.high


def test_protected_words_answer_for_a_hardened_network_and_never_for_the_base():
    rows = (maps(850, 852, 849), maps(917, 918, 916, encoding="int4-tmr2"))
    hardened = (maps(700, 701, 702, **HARDENED), maps(720, 721, 722, **HARDENED, encoding="int4-tmr2"))
    found = judged("resnet18-ber-1e-2", *rows, *hardened)
    reading = next(r for r in found.readings if r.reading.label.startswith("int8 affine per channel"))
    assert (reading.cell.encoding, reading.base.encoding) == ("int4-tmr2", "int8")


@pytest.mark.parametrize(
    ("correct", "word"), [(747, "reproduced"), (820, "exceeded"), (600, "not reproduced")]
)
def test_altering_rows_alters_the_verdict(correct, word):
    rows = maps(correct, correct + 1, correct - 1, **HARDENED, encoding="fp32")
    assert judged("resnet18-ber-1e-2", FALLEN, rows).verdict == word


def test_altering_one_row_alters_the_verdict():
    rows = maps(776, 777, 778, 779, **HARDENED, encoding="fp32")
    assert judged("resnet18-ber-1e-2", FALLEN, rows).verdict == "exceeded"
    rows[0]["correct"] = 730  # one map: a lower mean, and more doubt about it
    assert judged("resnet18-ber-1e-2", FALLEN, rows).verdict == "reproduced"


def test_every_claim_of_resq_that_rows_can_answer_gets_a_word_from_them():
    attacks = [
        {**BASE, **own, "axis": "eps", "ber": 0.0, "attack": "pgd", "eps": 8.0, "steps": 20, "restarts": 5,
         "correct": correct}
        for own, correct in ((HARDENED, 400), ({}, 10))
    ]  # fmt: skip
    swin = [{**row, "checkpoint": "cifar10/swin_t/base", "ber": 5e-3} for row in maps(445, 446, 444)]
    faults = maps(850, 849, 851) + maps(900, 901, 899, **HARDENED, encoding="int4-tmr2")
    assert judged("attack-gain", attacks).verdict == "exceeded"
    assert judged("fault-gain", faults).verdict == "not reproduced"
    assert judged("swin_t-ber-5e-3-baseline", swin).verdict == "reproduced"
    hardened = [{**row, **HARDENED, "checkpoint": "cifar10/swin_t/plus", "correct": 700} for row in swin]
    assert judged("swin_t-ber-5e-3", swin, hardened).verdict == "exceeded"


def study(fault_helps: int, attack_helps: int) -> list[dict]:
    """Rows of 00, A, F and AF over five seeds, a little apart from each other."""
    from resq.measure import areas

    found = []
    for seed in range(5):
        for model in ("00", "a", "f", "af"):
            name = {"checkpoint": f"signs/resnet20/asym-{model}-s{seed}", "data": "signs", "n": 1000}
            robust = 200 + 3 * seed + 400 * ("a" in model) + fault_helps * ("f" in model)
            kept = 300 + 2 * seed + 400 * ("f" in model) + attack_helps * ("a" in model)
            for ber in (0.0, *areas.BERS):
                found += maps(kept, **name, ber=ber)
            for eps in areas.EPS:
                right = np.packbits(np.arange(1000) < robust).tobytes()
                found += maps(robust, **name, axis="eps", ber=0.0, attack="pgd", eps=eps, right=right)
    return found


def test_the_asymmetry_has_a_verdict_from_the_rows_of_a_study():
    claimed = judged("asymmetry", study(fault_helps=200, attack_helps=0))
    assert claimed.verdict == "reproduced"
    assert claimed.decides.low <= claimed.decides.value <= claimed.decides.high
    assert judged("asymmetry", study(fault_helps=0, attack_helps=200)).verdict == "not reproduced"
    few = [row for row in study(200, 0) if row["checkpoint"].endswith(("s0", "s1"))]
    assert judged("asymmetry", few).verdict == "not comparable"


def test_a_gain_is_counted_between_two_networks_with_the_noise_of_both():
    found = judged("fault-gain", maps(850, 840, 860), maps(900, 890, 910, **HARDENED))
    best = found.decides
    assert best.value == pytest.approx(0.05)
    assert best.high - best.low > (best.cell.high - best.cell.low)


def test_what_nothing_here_can_answer_is_not_comparable_and_says_why():
    found = judged("stutz-randbet-ber-1e-2", maps(900, 901, 902, checkpoint="cifar10/resnet18/fault"))
    assert found.verdict == "not comparable"
    assert "SimpleNet" in found.why
    assert found.decides.value == pytest.approx(0.901)  # shown beside, judged not
    assert judged("resnet18-ber-1e-2", FALLEN).why == "not measured yet"


def test_one_map_is_no_evidence_about_other_maps():
    found = judged("resnet18-ber-1e-2-baseline", maps(100, encoding="fp32"))
    assert found.verdict == "not comparable"
    assert "too wide" in found.why


def test_nobody_picks_the_best_network_afterwards():
    better = maps(960, 961, 962, encoding="fp32", checkpoint="cifar10/resnet18/article")
    worse = maps(800, 801, 802, encoding="fp32", **HARDENED)
    assert judged("resnet18-ber-1e-2", FALLEN, better, worse).decides.cell.checkpoint.endswith("/plus")


def test_a_reading_set_aside_is_shown_and_decides_nothing():
    # The plain reading falls short; with copies, which cost memory, the quoted figure is reached.
    fallen = maps(94, 96, 95, 98, 101, 104, fault="layer-uniform", encoding="int8")
    plain = maps(105, 107, 106, fault="layer-uniform", encoding="int4-tmr2", **HARDENED)
    copied = maps(747, 749, 745, fault="layer-uniform", encoding="int4-tmr2+int4-tmr2-x9@0.7.20", **HARDENED)
    found = judged("resnet18-ber-1e-2", fallen, plain, copied)
    assert found.verdict == "not reproduced"
    beside = next(r for r in found.readings if r.reading.aside and r.cell)
    assert (beside.verdict, beside.value) == ("not comparable", pytest.approx(0.747))
    assert "beside the others, 1.1 % more memory" in beside.why


def test_the_nearest_cells_are_named_where_none_answers():
    near = judged("resnet18-ber-1e-2", maps(900, 901, ber=1e-4), FALLEN).near
    assert [(c.encoding, c.ber) for c in near] == [("fp32", 1e-2), ("int8", 1e-4)]


def test_both_noises_add_as_squares_and_cells_with_chosen_bits_are_left_out():
    assert cells.both(0.5, (0.47, 0.53), (0.46, 0.54)) == pytest.approx((0.45, 0.55))
    assert cells.cells(table.frame(maps(10, 11, region="bit 7"))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "not a readable TOML file"),
        ("[source]\nlabel = 'paper'\nname = 'x'", "lacks a source or its claims"),
        ("[source]\nlabel = 'rumour'\nname = 'x'\n[[claim]]", "no kind of source 'rumour'"),
        ("{ok}", "lacks id"),
        ("{ok}id = 'a'\nkind = 'accuracy'\nsays = 's'\nquoted = 'many'", "quoted must be of type float"),
        ("{ok}id = 'a'\nkind = 'accuracy'\nsays = 's'", "a figure must be quoted"),
        ("{ok}id = 'a'\nkind = 'guess'\nsays = 's'\nquoted = 1", "no kind of claim 'guess'"),
        (
            "{ok}id = 'a'\nkind = 'accuracy'\nsays = 's'\nquoted = 1\nber = 2",
            "rates must lie in [0, 1], got 2",
        ),
        ("{ok}id = 'a'\nkind = 'accuracy'\nsays = 's'\nquoted = 1\nreadings = ['x']", "no reading 'x'"),
        ("{ok}id = 'a'\nkind = 'accuracy'\nsays = 's'\nquoted = 1\nhue = 3", "has hue"),
        ("{ok}id = 'a'\nkind = 'accuracy'\nsays = 's'\nquoted = 1\nbaseline = 'b'", "which is no claim"),
        ("[readings.r]\nlabel = 'r'\nencodings = ['int99']\n{ok}", "integer codes have 2 to 8 bits, got 99"),
    ],
)
def test_a_bad_file_of_claims_is_one_sentence(tmp_path: Path, text: str, said: str):
    ok = "[source]\nlabel = 'paper'\nname = 'x'\n[[claim]]\n"
    (tmp_path / "bad.toml").write_text(text.replace("{ok}", ok))
    with pytest.raises(ValueError, match=r"\S") as caught:
        book.load(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rerun_lies_within_the_stored_interval_or_is_said_not_to():
    stored = cells.cells(table.frame(maps(850, 860, 840)))[0]
    again = rerun.compare(stored, maps(855, 857))
    assert again.within
    assert "lies within the stored 95 % interval" in again.says
    off = rerun.compare(stored, maps(700, 701, weights="e" * 16))
    assert not off.within
    assert "OUTSIDE" in off.says
    assert f"other weights: {'e' * 16}" in off.says


def test_on_other_images_their_noise_counts_too():
    stored = cells.cells(table.frame(maps(850, 851, 849)))[0]
    assert not rerun.compare(stored, maps(870, 871)).within
    assert rerun.compare(stored, maps(174, 174, n=200, images="f" * 16)).within


def test_a_rerun_measures_the_very_cell():
    stored = cells.cells(table.frame(maps(850, 851, seed=3, fault="layer-uniform", encoding="fp32")))[0]
    spec = rerun.spec(stored, n=100)
    assert (spec.checkpoint, spec.bers, spec.maps, spec.n) == (BASE["checkpoint"], (0.01,), 2, 100)
    assert (spec.seed, spec.fault, spec.encoding) == (3, "layer-uniform", "fp32")
    with pytest.raises(ValueError, match="no row is of"):
        rerun.compare(stored, maps(850, 851))


def test_reruns_stand_in_the_store_beside_the_rows_of_the_same_keys(own_folders):
    assert rerun.runs() == []
    assert not (own_folders / "work").exists()  # looking makes no store
    rows = [{**row, "key": f"k{row['map']}"} for row in maps(850, 851)]
    store.add(rows)
    for at, correct in (("2031-01-01", 850), ("2031-01-02", 700)):
        rerun.keep("a-claim", [{**row, "correct": correct} for row in rows], at)
    latest, first = rerun.runs("a-claim")
    assert (latest.at, list(latest.rows["correct"])) == ("2031-01-02", [700, 700])
    assert list(first.rows["key"]) == ["k0", "k1"]
    assert "cores" in first.machine
    assert list(store.rows()["correct"]) == [850, 851]  # the stored ones stay
    assert rerun.runs("another") == []


def test_a_rerun_draws_the_maps_of_the_stored_cell():
    stored = cells.cells(table.frame([{**row, "top": 0.05} for row in maps(850, 851)]))[0]
    assert [c.top for c in rerun.spec(stored).cells()] == [0.05, 0.05]


def test_without_flips_a_cell_of_any_sampler_answers():
    claims = book.load()
    claim = claims["group-resnet18-8bit"]
    whole = maps(9300, n=10_000, ber=0.0, fault="layer-uniform")
    few = maps(900, n=1000, ber=0.0)
    judged = verdict.judge(claim, table.frame([*few, *whole]), claims)
    assert judged.decides.cell.n == 10_000
    assert judged.verdict == "reproduced"
