"""Claims and their verdicts: what is quoted, what is measured, a word that follows from the rows alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashboard.format import claim_labels, claim_sentences
from resq.claims import asymmetry_claims, points, registry, rerun, verdict
from resq.claims.judged import MISSED, NONE, Verdict
from resq.measure.analysis import intervals, paired
from resq.measure.store import rows_by_key, table

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


def judged(claim: str, *rows: list[dict]) -> Verdict:
    claims = registry.load()
    return verdict.judge(claims[claim], table.frame([row for part in rows for row in part]), claims)


FALLEN = maps(94, 96, 95, 98, 101, 104, encoding="fp32")
HARDENED = {"checkpoint": "cifar10/resnet18/plus", "weights": "d" * 16}


def test_every_figure_quoted_for_resq_is_there_with_its_source_and_what_is_unknown():
    claims = registry.load()
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


def test_every_figure_under_faults_says_whether_more_than_the_weights_is_struck():
    every = registry.load().values()
    rates = {c.id: [c.ber, *(r.ber for r in c.readings)] for c in every}
    under = [c for c in every if c.kind in ("accuracy", "gain") and any(rates[c.id])]
    under += [c for c in every if c.kind == "asymmetry"]
    assert len(under) > 15
    silent = [c.id for c in under if not any("norms and biases" in said for said in (*c.known, *c.unknown))]
    assert silent == []


def test_anchors_are_quoted_as_their_sources_have_them():
    claims = registry.load()
    assert claims["stutz-randbet-ber-1e-2"].quote == "7.41 % error"
    assert claims["stutz-randbet-ber-1e-2"].value == 0.9259
    assert claims["group-resnet18-3bit"].quote == "90.85 %"
    assert claims["bfa-resnet44-paper"].quote == "22 flips"
    assert claims["fault-gain"].quote == "12.47 %"  # its source says so, and leaves open what of
    assert claims["autoattack-wong"].value == 0.4321
    assert claims["bfa-resnet20-bits-4"].quote == "40.8 flips"
    assert claims["stutz-randbet-plot-ber-1.5e-2"].value == 0.909
    assert claims["fastat-n-fgsm"].value == 0.4777


def test_a_measured_share_is_spelled_in_the_claims_own_unit():
    claims = registry.load()
    assert claims["stutz-randbet-ber-1e-2"].spell(0.92, 0.91, 0.93) == "8.00 % error (7.00 to 9.00)"
    assert claims["attack-gain"].spell(0.2) == "20.00 percentage points"
    assert claims["group-resnet18-8bit"].spell(0.931, 0.931, 0.931) == "93.10 % (of the whole test split)"


def test_a_figure_at_chance_level_gets_no_verdict_and_every_reading_is_shown():
    found = judged("resnet18-ber-1e-2-baseline", FALLEN, maps(850, 852, 849))
    words = {r.reading.label: r.verdict for r in found.readings if r.cell}
    # 9.99 % is chance: whatever is lost agrees with it, so no word is given, and the readings are shown.
    assert set(words.values()) == {"not comparable"}
    assert found.verdict == "not comparable"
    assert "guessing" in found.why
    assert "fp32 words, independent bits: 9.80 %" in found.why


def test_a_hardened_figure_counts_only_where_the_unhardened_network_falls():
    easy = maps(800, 802, 799, **HARDENED)
    found = judged("resnet18-ber-1e-2", FALLEN, maps(850, 852, 849), easy)
    assert found.verdict == "not comparable"
    assert "unhardened 85.0 % (" in found.why
    assert found.why.count("3 fault maps, 1,000 images") == 2
    assert "3 fault maps, 1,000 images, 95 % of its own" in found.why
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
    rows = maps(
        *[10 * correct, 10 * correct + 9, 10 * correct - 9] * 4, n=10_000, **HARDENED, encoding="fp32"
    )
    assert judged("resnet18-ber-1e-2", FALLEN, rows).verdict == word


def test_altering_one_row_alters_the_verdict():
    rows = maps(796, 797, 798, 799, **HARDENED, encoding="fp32")
    assert judged("resnet18-ber-1e-2", FALLEN, rows).verdict == "exceeded"
    rows[0]["correct"] = 650  # one map: a lower mean, and more doubt about it
    assert judged("resnet18-ber-1e-2", FALLEN, rows).verdict == "not comparable"


def test_every_claim_of_resq_that_rows_can_answer_gets_a_word_from_them():
    attacks = [
        {**BASE, **own, "axis": "eps", "ber": 0.0, "attack": "pgd", "eps": 8.0, "steps": 20, "restarts": 5,
         "correct": correct}
        for own, correct in ((HARDENED, 400), ({}, 10))
    ]  # fmt: skip
    swin = [{**row, "checkpoint": "cifar10/swin_t/base", "ber": 5e-3, "n": 10_000}
            for row in maps(4450, 4460, 4440, 4450, 4455)]  # fmt: skip
    attacks = [
        {**row, "attack": "apgd", "steps": 100, "restarts": 1, "encoding": "int4-tmr2"} for row in attacks
    ]
    faults = maps(850, 849, 851, encoding="int4-tmr2") + maps(900, 901, 899, **HARDENED, encoding="int4-tmr2")
    for claim, rows, shown in (("attack-gain", attacks, 0.39), ("fault-gain", faults, 0.05)):
        found = judged(claim, rows)  # unit and reference are open: measured, shown and not judged
        assert (found.verdict, found.decides.value) == ("not comparable", pytest.approx(shown))
        assert "measured, " in found.why
    assert judged("swin_t-ber-5e-3-baseline", swin).verdict == "reproduced"
    hardened = [{**row, **HARDENED, "checkpoint": "cifar10/swin_t/plus", "correct": 7000} for row in swin]
    assert judged("swin_t-ber-5e-3", swin, hardened).verdict == "exceeded"


def study(fault_helps: int, attack_helps: int, network: str = "cifar10/resnet18") -> list[dict]:
    """Rows of 00, A, F and AF over five seeds, a little apart from each other."""
    from resq.measure.analysis import areas

    found = []
    for seed in range(5):
        for model in ("00", "a", "f", "af"):
            name = {"checkpoint": f"{network}/asym-{model}-s{seed}", "data": "cifar10", "n": 1000}
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
    # That both help, the second more, denies neither "generally" nor "not necessarily".
    assert judged("asymmetry", study(fault_helps=100, attack_helps=200)).verdict == "not comparable"
    aside = judged("asymmetry", study(fault_helps=0, attack_helps=200, network="signs/resnet20"))
    assert (aside.verdict, aside.decides) == ("not comparable", None)  # not on the claim's menu
    assert "not on the claim's menu" in aside.readings[0].why
    small = judged("asymmetry", study(fault_helps=0, attack_helps=200, network="gtsrb/resnet20"))
    assert (small.verdict, small.decides) == ("not comparable", None)
    assert "not on the claim's networks (cifar10/resnet18, gtsrb/resnet18)" in small.readings[0].why
    few = [row for row in study(200, 0) if row["checkpoint"].endswith(("s0", "s1"))]
    assert judged("asymmetry", few).verdict == "not comparable"


def test_a_gain_is_counted_between_two_networks_with_the_noise_of_both():
    words = {"encoding": "int4-tmr2"}
    found = judged("fault-gain", maps(850, 840, 860, **words), maps(900, 890, 910, **HARDENED, **words))
    best = found.decides
    assert (best.value, best.how) == (pytest.approx(0.05), "not paired")  # these rows keep no answers
    assert best.high - best.low > (best.cell.high - best.cell.low)


def test_a_gain_is_counted_within_the_same_words_and_what_the_words_give_is_told_apart():
    base = maps(139, 140, 141, ber=5e-2) + maps(830, 829, 831, ber=5e-2, encoding="int4-tmr2")
    plus = maps(778, 777, 779, ber=5e-2, encoding="int4-tmr2", **HARDENED)
    found = {r.reading.label: r for r in judged("fault-gain", base, plus).readings if r.value is not None}
    assert found["all stages, int4-tmr2 on both sides, BER 5e-2"].value == pytest.approx(-0.052)
    code = next(r for label, r in found.items() if label.startswith("the words alone"))
    assert (code.value, bool(code.reading.aside)) == (pytest.approx(0.69), True)
    assert len(found) == 2  # int8 of plus was not measured, so there is no gain in it


def answered(right: np.ndarray, **changed: object) -> list[dict]:
    """Rows of one cell with their answers per image, bool (maps, images)."""
    return [
        {**BASE, "map": m, "correct": int(r.sum()), "n": len(r), "right": np.packbits(r).tobytes(), **changed}
        for m, r in enumerate(right)
    ]


def test_two_networks_on_the_same_maps_and_images_are_compared_pair_by_pair():
    rng = np.random.default_rng(0)
    hard = rng.random((1, 800)) < 0.4  # images that no network gets right
    fallen = rng.random((10, 1)) * 0.3  # how much each map takes away
    noise = rng.random((10, 800)) < fallen
    below = answered(~hard & ~noise & (rng.random((10, 800)) < 0.97))
    above = answered(~hard & ~noise, **HARDENED)
    rows = table.frame([*below, *above])
    found = paired.difference(rows[rows["weights"] == "d" * 16], rows[rows["weights"] == "a" * 16])
    assert found.how == "paired on 10 common fault maps and 800 common images"
    assert found.correlation > 0.9
    a, b = sorted(points.cells(rows), key=lambda c: -c.mean)
    apart = points.difference(a, b, table.frame([{**row, "right": b""} for row in rows.to_dict("records")]))
    assert found.mean == pytest.approx(apart.mean)
    assert (apart.high - apart.low) > 4 * (found.high - found.low)


def test_the_same_network_without_faults_stands_for_every_map():
    rng = np.random.default_rng(0)
    faulty, clean = rng.random((6, 50)) < 0.6, rng.random((1, 50)) < 0.9
    rows = [table.frame(answered(clean, ber=0.0, flips=0)), table.frame(answered(faulty))]
    found = paired.difference(*rows)
    assert (found.mean, found.maps) == (pytest.approx(clean.mean() - faulty.mean()), 6)
    assert paired.difference(*rows[::-1]).mean == pytest.approx(-found.mean)


def test_a_difference_is_that_of_the_means_of_both_cells_wherever_the_shipped_rows_have_them():
    rows = table.shipped()
    rows = rows[
        (rows["axis"] == "ber") & rows["checkpoint"].isin(["cifar10/resnet18/base", "cifar10/resnet18/plus"])
    ]
    rows = rows[(rows["encoding"] == "int4-tmr2") & (rows["n"] == 500) & (rows["fault"] == "random")]
    for ber, part in rows.groupby("ber"):
        own = [part[part["checkpoint"] == f"cifar10/resnet18/{name}"] for name in ("plus", "base")]
        if not all(map(len, own)):
            continue
        means = [(r["correct"] / r["n"]).mean() for r in own]
        assert paired.difference(*own).mean == pytest.approx(means[0] - means[1]), ber


def test_maps_with_other_numbers_of_flips_are_not_taken_for_the_same():
    right = np.random.default_rng(0).random((5, 100)) < 0.7
    rows = [table.frame(answered(right, flips=flips)) for flips in (9, 9, 10)]
    assert paired.difference(rows[0], rows[1]).maps == 5
    other = paired.difference(rows[0], rows[2])
    assert (other.maps, other.how) == (0, "paired on 100 common images; 5 and 5 maps of their own")


def test_paired_intervals_cover_as_often_as_they_say_and_hold_for_several_at_once():
    rng, inside, means, halves = np.random.default_rng(2), [], [], []
    for _ in range(300):
        image, lost = rng.random((1, 120)), rng.random((8, 1)) * 0.2
        parts = [rng.random((8, 120)) for _ in range(2)]
        right = [(image > 0.3) & (part > lost + less) for part, less in zip(parts, (0.0, 0.1), strict=True)]
        a, b = (table.frame(answered(r)) for r in right)
        truth = 0.7 * 0.1
        spans = [paired.difference(a, b, count) for count in (1, 5)]
        inside.append([s.low <= truth <= s.high for s in spans])
        means.append(spans[0].mean)
        halves.append((spans[0].high - spans[0].low) / 2)
    one, five = np.mean(inside, axis=0)
    assert five >= one >= 0.93
    assert np.mean(halves) < 1.5 * 1.96 * np.std(means)  # and not by being wide


def test_the_readings_that_were_tried_are_counted_and_widen_each_others_intervals():
    fp32 = maps(810, 812, 809, **HARDENED, encoding="fp32")
    alone = judged("resnet18-ber-1e-2", FALLEN, fp32)
    assert alone.tried == "1 of 1 measured readings, of 9"
    more = judged("resnet18-ber-1e-2", FALLEN, fp32, maps(600, 602, 599, **HARDENED))
    wide, narrow = (next(r for r in v.readings if r.reading.encodings == ("fp32",)) for v in (more, alone))
    assert wide.high - wide.low > 1.05 * (narrow.high - narrow.low)
    assert more.tried == "1 of 2 measured readings, of 9"


def test_on_the_same_whole_test_split_images_are_no_noise_and_other_cells_do_not_answer():
    clean = maps(9216, n=10_000, ber=0.0, encoding="int4")
    assert judged("group-resnet18-4bit", clean).verdict == "not reproduced"  # 0.51 points off, margin 0.5
    assert (
        judged("group-resnet18-4bit", maps(9220, n=10_000, ber=0.0, encoding="int4")).verdict == "reproduced"
    )
    few = judged("group-resnet18-4bit", maps(463, n=500, ber=0.0, encoding="int4"))
    assert (few.verdict, few.why) == ("not comparable", "not measured yet")


def test_a_cell_on_a_part_of_the_images_has_their_noise_also_where_another_network_answers():
    vgg = {"checkpoint": "cifar10/vgg16/base", "ber": 0.0}
    few = judged("group-vgg11-8bit", maps(472, n=500, **vgg))
    assert few.verdict == "not comparable"
    assert (round(few.decides.low, 3), round(few.decides.high, 3)) == (0.920, 0.961)  # Wilson, 472 of 500
    assert "whole test split" not in few.claim.spell(0.944, few.decides.low, few.decides.high)
    every = judged("group-vgg11-8bit", maps(9326, n=10_000, **vgg))
    assert every.decides.low == every.decides.high


def test_no_verdict_on_the_shipped_rows_has_an_interval_of_no_width_but_on_the_whole_test_split():
    claims = registry.load()
    for v in verdict.judge_all(claims.values(), table.shipped(), claims):
        for reading in v.readings:
            if reading.low is not None and reading.high - reading.low < 1e-9:
                assert reading.cell.n >= 10_000, (v.claim.id, reading.reading.label)


def test_a_figure_without_adversarial_examples_is_not_answered_by_a_network_trained_on_them():
    trained = maps(8240, n=10_000, ber=0.0, checkpoint="cifar10/resnet18/attack")
    assert judged("bpfc-clean", trained).verdict == "not comparable"
    assert judged("bpfc-pgd-training-clean", trained).verdict == "reproduced"
    barred = [c for c in registry.load().values() if any("no adversarial examples" in k for k in c.known)]
    assert barred
    for claim in barred:
        assert not {n.split("/")[-1] for n in claim.networks} & {
            "attack",
            "adversarial",
            "plus",
            "attack-fault",
        }


def test_a_claim_is_answered_by_networks_of_its_own_menu_alone():
    for claim in registry.load().values():
        menu = [name.strip() for name in claim.data.split(",")]
        assert all(name.split("/")[0] in menu for name in (*claim.networks, *filter(None, [claim.base])))


def test_the_verdicts_on_the_shipped_rows_are_none_that_chance_open_units_or_other_networks_give():
    claims = registry.load()
    found = {v.claim.id: v for v in verdict.judge_all(claims.values(), table.shipped(), claims)}
    for open_ended in ("asymmetry", "fault-gain", "attack-gain", "bpfc-clean", "resnet18-ber-1e-2-baseline"):
        assert found[open_ended].verdict == "not comparable", found[open_ended].why
    for v in found.values():
        if v.verdict in ("reproduced", "exceeded"):
            assert not any((v.claim.open, v.claim.other, verdict.guessed(v.claim)))
            assert v.decides is not None
        if v.verdict == "reproduced":
            assert v.decides.high - v.decides.low <= v.claim.margin / 50 + 1e-9


def test_what_nothing_here_can_answer_is_not_comparable_and_says_why():
    found = judged("stutz-randbet-ber-1e-2", maps(900, 901, 902, checkpoint="cifar10/resnet18/fault"))
    assert found.verdict == "not comparable"
    assert "SimpleNet" in found.why
    assert found.decides.value == pytest.approx(0.901)  # shown beside, judged not
    assert judged("resnet18-ber-1e-2", FALLEN).why == "not measured yet"


def test_one_map_is_no_evidence_about_other_maps():
    found = judged("swin_t-ber-5e-3-baseline", maps(445, ber=5e-3, checkpoint="cifar10/swin_t/base"))
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
    assert intervals.both(0.5, (0.47, 0.53), (0.46, 0.54)) == pytest.approx((0.45, 0.55))
    assert points.cells(table.frame(maps(10, 11, region="bit 7"))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "not a readable TOML file"),
        ("[source]\nlabel = 'paper'\nname = 'x'", "lacks a source or its claims"),
        ("[source]\nlabel = 'rumour'\nname = 'x'\n[[claim]]", "no kind of source 'rumour'"),
        ("{ok}", "lacks id"),
        ("{ok}id = 'a'\nkind = 'accuracy'\nsays = 's'\nquoted = 'many'", "quoted is a float, got"),
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
        registry.load(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rerun_measures_the_very_cell():
    stored = points.cells(table.frame(maps(850, 851, seed=3, fault="layer-uniform", encoding="fp32")))[0]
    spec = rerun.spec(stored, n=100)
    assert (spec.checkpoint, spec.bers, spec.maps, spec.n) == (BASE["checkpoint"], (0.01,), 2, 100)
    assert (spec.seed, spec.fault, spec.encoding) == (3, "layer-uniform", "fp32")
    with pytest.raises(ValueError, match="no row is of"):
        rerun.compare(stored, table.frame([]), maps(850, 851))


def test_reruns_stand_in_the_store_beside_the_rows_of_the_same_keys(own_folders):
    assert rerun.runs() == []
    assert not (own_folders / "work").exists()  # looking makes no store
    rows = [{**row, "key": f"k{row['map']}"} for row in maps(850, 851)]
    rows_by_key.add(rows)
    for at, correct in (("2031-01-01", 850), ("2031-01-02", 700)):
        rerun.store_rerun("a-claim", [{**row, "correct": correct} for row in rows], at)
    latest, first = rerun.runs("a-claim")
    assert (latest.at, list(latest.rows["correct"])) == ("2031-01-02", [700, 700])
    assert list(first.rows["key"]) == ["k0", "k1"]
    assert "cores" in first.machine
    assert list(rows_by_key.rows()["correct"]) == [850, 851]  # the stored ones stay
    assert rerun.runs("another") == []


def test_a_rerun_draws_the_maps_of_the_stored_cell():
    stored = points.cells(table.frame([{**row, "top": 0.05} for row in maps(850, 851)]))[0]
    assert [c.top for c in rerun.spec(stored).cells()] == [0.05, 0.05]


def test_without_flips_a_cell_of_any_sampler_answers():
    claims = registry.load()
    claim = claims["group-resnet18-8bit"]
    whole = maps(9300, n=10_000, ber=0.0, fault="layer-uniform")
    few = maps(900, n=1000, ber=0.0)
    judged = verdict.judge(claim, table.frame([*few, *whole]), claims)
    assert judged.decides.cell.n == 10_000
    assert judged.verdict == "reproduced"


def test_no_accuracy_is_called_near_a_number_of_flips():
    verdicts = verdict.judge_all(registry.load().values(), table.shipped(), registry.load())
    flips = [v for v in verdicts if v.claim.unit == "flips"]
    assert flips
    assert all(not v.near for v in flips)
    assert any(v.near for v in verdicts), "others have cells near them"


def test_where_no_reading_can_tell_nothing_is_said_against_the_figure():
    verdicts = verdict.judge_all(registry.load().values(), table.shipped(), registry.load())
    missed, open_ones = 0, 0
    for v in (v for v in verdicts if v.readings):
        against = "No measured reading that can tell agrees" in claim_labels.reached(v)
        refuted = any(r.verdict == MISSED for r in v.readings)
        assert refuted or not against, v.claim.id
        missed, open_ones = missed + against, open_ones + ("can tell whether" in claim_labels.reached(v))
    assert missed
    assert open_ones


def test_a_study_without_a_lambda_is_measured_and_one_of_another_network_stands_beside_the_claim():
    claims = registry.load()
    studies = [c for c in claims.values() if c.kind == "asymmetry"]
    for v in verdict.judge_all(studies, table.shipped(), claims):
        beside = [r for r in v.readings if r.reading.label.endswith(", 5 seeds")]
        assert [r.reading.label.partition(",")[0] for r in beside] == [
            "cifar10/resnet20", "gtsrb/resnet20", "signs/resnet20",
        ]  # fmt: skip
        figures = [f"{r.reading.label}: {r.spell(v.claim)}" for r in beside]
        assert all(v.claim.spell(*r.alike) in told for r, told in zip(beside, figures, strict=True))
        assert "undefined on all images" in replace(beside[0], value=None).spell(v.claim)
        assert "one seed has no interval" in v.why
        assert "Beside the claim: Lambda over 5 seeds" in v.reason
        said = claim_sentences.reasons(v)
        assert [part.startswith("Beside the claim: ") for part in said] == [False, True, False, False]
        assert " ".join(said) == f"{v.reason}."
        assert {v.verdict, *(r.verdict for r in beside)} == {NONE}
        assert min(beside[0].low, beside[1].low) > 0 > beside[2].high  # they part, and decide nothing
        assert (
            min(beside[0].alike[1], beside[1].alike[1]) > 0 > beside[2].alike[2]
        )  # at one clean accuracy too
        assert v.tried == "0 of 1 readings measured"  # what stands beside is none of the claim's
        told = "no Lambda of the claim's networks; 3 studies of other networks stand beside it"
        assert claim_sentences.measured(v) == told
        for r, paragraph in zip(beside, said[1:], strict=True):
            own, alike = (
                f"is {a:.2f} ({b:.2f} to {c:.2f})" for a, b, c in ((r.value, r.low, r.high), r.alike)
            )
            assert f"{r.reading.label.partition(',')[0]} {own}: " in paragraph
            assert f"get right) it {alike}: " in paragraph
        assert "4 measured, 3 of them for comparison alone" in claim_labels.tried(v)
        assert claim_labels.reached(v).endswith(f"can be told. Beside the claim: {'; '.join(figures)}.")
        files = [command.rpartition(" ")[2] for command in asymmetry_claims.commands_of(v)]
        assert [Path(file).name for file in files] == [
            "cifar10-resnet18-asymmetry.parquet",
            "cifar10-resnet20-asymmetry.parquet", "cifar10-resnet20.toml",
            "gtsrb-resnet20-asymmetry.parquet", "gtsrb-resnet20.toml",
            "signs-resnet20-asymmetry.parquet", "signs-resnet20.toml",
        ]  # fmt: skip
    assert studies
    few = [row for row in study(200, 0) if row["checkpoint"].endswith("s0")]
    one = judged("asymmetry", few)
    assert asymmetry_claims.commands_of(one) == [
        "python -m resq asymmetry assets/results/cifar10-resnet18-asymmetry.parquet"
    ]
    assert claim_sentences.measured(one) == "measured, and no Lambda can be told"
