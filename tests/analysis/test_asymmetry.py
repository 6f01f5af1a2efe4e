"""Asymmetry: effects and Lambda with pencil numbers, verdicts, and a study that trains all four alike."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resq.cli import asymmetry as cli_asymmetry
from resq.cli import main, options
from resq.core import paths
from resq.measure.analysis import areas, asymmetry
from resq.measure.store import table
from resq.training import asymmetry_study as study
from resq.training import study as studies
from resq.training.study import Study

BLANK = {k: "" if kind == "str" else b"" if kind == "bytes" else 0 for k, (kind, _) in table.COLUMNS.items()}


def _rows(checkpoint: str, kept: float, right: list[list[int]]) -> pd.DataFrame:
    """Two maps with the accuracy ``kept`` at every rate, and four images at the four budgets."""
    shared = {**BLANK, "checkpoint": checkpoint, "n": 4, "encoding": "int8"}
    under = [
        {**shared, "axis": "ber", "ber": b, "map": m, "correct": round(4 * kept)}
        for b in areas.BERS
        for m in (0, 1)
    ]
    attacked = [
        {**shared, "axis": "eps", "eps": e, "correct": sum(r), "right": np.packbits(r).tobytes()}
        for e, r in zip(areas.EPS, right, strict=True)
    ]
    return table.frame([*under, *attacked])


def test_an_image_once_lost_stays_lost_at_larger_budgets():
    """Right: 4, 2, then 2 of which one was lost before (so 1), then 0: (3 x 2 + 1.5 x 2 + 0.5 x 4) / 32."""
    rows = _rows("signs/resnet20/asym-f-s2", 0.75, [[1] * 4, [1, 1, 0, 0], [1, 0, 1, 0], [0] * 4])
    found = asymmetry.resilience(rows).iloc[0]
    assert (found["model"], found["seed"], found["clean"]) == ("f", 2, 1.0)
    assert found["R_A"] == pytest.approx((3 * 2 + 1.5 * 2 + 0.5 * 4) / (8 * 4))
    assert found["R_F"] == pytest.approx(0.75)


def _effects(*seeds: tuple[float, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(seeds, columns=list(asymmetry.EFFECTS))


def test_the_effects_are_differences_to_the_network_that_went_on_clean():
    lines = [("00", 0.2, 0.5), ("a", 0.6, 0.4), ("f", 0.3, 0.7), ("af", 0.9, 0.9)]
    found = pd.DataFrame([{"model": m, "seed": 0, "R_A": a, "R_F": f} for m, a, f in lines])
    effects = asymmetry.effects(found).iloc[0]
    assert effects.to_dict() == pytest.approx({"D_A": 0.4, "X_FA": 0.1, "D_F": 0.2, "X_AF": -0.1})


def test_lambda_is_the_difference_of_two_shares():
    found = asymmetry.asymmetry(_effects(*[(0.4, 0.1, 0.2, -0.1)] * 2))
    assert found["Lambda"]["mean"] == pytest.approx(0.1 / 0.4 + 0.1 / 0.2)
    assert found["Delta"]["mean"] == pytest.approx(0.1 * 0.2 + 0.1 * 0.4)


def test_of_one_seed_there_is_no_share():
    found = asymmetry.asymmetry(_effects((0.4, 0.1, 0.2, -0.1)))
    assert np.isnan(found["Lambda"]["mean"])
    assert asymmetry.verdict(found) == "descriptive"


def _noisy(seeds: int = 15, images: int = 160) -> np.ndarray:
    """Effects image by image whose direct gain under faults is small beside what images do to it."""
    rng = np.random.default_rng(0)
    own = rng.normal(0, 0.12, (4, 1, 1, images)) + rng.normal(0, 0.008, (4, seeds, 1, 1))
    own = own - own.mean(axis=(1, 2, 3), keepdims=True)
    return np.array([0.28, 0.02, 0.012, 0.017])[:, None, None, None] + np.repeat(own, 5, axis=2)


def test_a_ratio_whose_denominator_may_be_0_is_undefined_and_its_difference_form_is_not():
    each = _noisy()
    by_seed = pd.DataFrame(each.mean(axis=(2, 3)).T, columns=list(asymmetry.EFFECTS))
    seeds, every = asymmetry.asymmetry(by_seed), asymmetry.asymmetry(by_seed, each)
    # Over seeds alone the gain looks clear of 0; the images, which all seeds share, say that it is not.
    assert seeds["g"]["D_F"] < 1 < every["g"]["D_F"]
    assert np.isfinite(seeds["Lambda"]["low"])
    assert np.isnan(every["Lambda"]["mean"])
    assert asymmetry.verdict(every) == "undefined"
    assert np.isfinite([every["Delta"]["low"], every["Delta"]["high"]]).all()
    assert np.sign(every["Delta"]["mean"]) == np.sign(seeds["Lambda"]["mean"])


def test_intervals_over_seeds_maps_and_images_cover_as_often_as_they_say():
    """Three crossed factors, each with noise of its own, that all seeds share: 400 studies."""
    rng, inside = np.random.default_rng(1), 0
    for _ in range(400):
        noise = sum(
            rng.normal(0, s, shape)
            for s, shape in (
                (0.03, (1, 8, 1, 1)),
                (0.03, (1, 1, 8, 1)),
                (0.2, (1, 1, 1, 80)),
                (0.2, (1, 8, 8, 80)),
            )
        )
        found = asymmetry.interval(0.1 + noise, 8, 0.95)
        inside += found["low"] <= 0.1 <= found["high"]
    assert 0.92 <= inside / 400 <= 0.99


def test_the_older_study_says_what_its_rows_say_with_all_noise_counted():
    """Fifteen fine-tunings of one base, 160 images, to BER 0.02: kept, so that what it lacked shows again."""
    rows = table.read(paths.ROOT / "assets" / "specs" / "asymmetry" / "signs-resnet20-older.parquet")
    each = asymmetry.answers(asymmetry.each_network(rows))
    found = asymmetry.asymmetry(asymmetry.effects(asymmetry.resilience(rows)), each)
    assert found["g"]["D_F"] > 1
    assert asymmetry.verdict(found) == "undefined"
    # Computed apart from this code: D_F 0.010 with a half width of 0.018, X_AF 0.017 with one of 0.011.
    assert found["D_F"]["mean"] == pytest.approx(0.010, abs=5e-4)
    assert found["D_F"]["high"] - found["D_F"]["mean"] == pytest.approx(0.018, abs=2e-3)
    assert found["X_AF"]["high"] - found["X_AF"]["mean"] == pytest.approx(0.011, abs=1e-3)


@pytest.mark.parametrize("file", sorted(table.SHIPPED.glob("*-asymmetry.json")), ids=lambda file: file.stem)
def test_a_shipped_summary_is_what_its_rows_give_today(file):
    """It is kept beside the rows, and went on with the intervals of a formula that had been mended.

    ``python -m resq asymmetry FILE.parquet --json`` writes it anew.
    """
    kept = json.loads(file.read_text(encoding="utf-8"))
    again = asymmetry.summary(table.read(file.with_suffix(".parquet")), kept["study"])
    for part in ("effects", "alike"):
        numbers, today = (pd.json_normalize(json.loads(options.dump(one))[part]) for one in (kept, again))
        pd.testing.assert_frame_equal(numbers, today, rtol=1e-9)
    assert (again["verdict"], again["hashes"]) == (kept["verdict"], kept["hashes"])


def test_at_one_clean_accuracy_only_images_that_all_get_right_count():
    """Four images; A loses the fourth when nothing is wrong, which is no lack of resilience to faults."""
    rows = []
    for seed in (0, 1):
        for model, clean in (("00", [1, 1, 1, 1]), ("a", [1, 1, 1, 0]), ("f", [1, 1, 1, 1])):
            made = _rows(f"signs/resnet20/asym-{model}-s{seed}", 1.0, [clean] * 4)
            rows.append(made.assign(right=np.packbits(clean).tobytes(), correct=sum(clean), images="x"))
    rows = table.frame(pd.concat(rows).to_dict("records"))
    found = asymmetry.summary(rows, {})
    assert found["effects"]["X_AF"]["mean"] == pytest.approx(-0.25)
    assert asymmetry.always_right(rows).tolist() == [True, True, True, False]
    assert found["alike"]["n"] == 3
    assert found["alike"]["effects"]["X_AF"]["mean"] == pytest.approx(0)


def test_a_further_network_stands_beside_with_its_changes_and_decides_nothing(capsys):
    rows = []
    for seed in (0, 1):
        for model, kept in (
            ("00", [1, 1, 0, 0]),
            ("a", [1, 1, 0, 0]),
            ("f", [1, 1, 1, 0]),
            ("m", [1, 1, 1, 1]),
        ):
            made = _rows(f"signs/resnet20/asym-{model}-s{seed}", sum(kept) / 4, [[1] * 4, *[kept] * 3])
            under = made["axis"] == "ber"
            made.loc[under, "right"] = np.packbits(kept).tobytes()
            rows.append(made.assign(images="x"))
    rows = table.frame(pd.concat(rows).to_dict("records"))
    found = asymmetry.summary(rows, {})
    assert found["effects"]["D_F"]["mean"] == pytest.approx(0.25)
    other = found["effects"]["arrows"]["m"]
    assert (other["seeds"], other["R_F"]["mean"]) == (2, pytest.approx(0.5))
    assert other["R_A"]["mean"] == pytest.approx(0.5 * 7 / 8)  # half right from 2/255 on, all at 0
    cli_asymmetry.show(found)
    assert "R_F beside 00" in capsys.readouterr().out
    without = rows[~rows["checkpoint"].str.contains("asym-m-")]
    plain = asymmetry.summary(without, {})["effects"]
    assert set(plain["arrows"]) == {"a", "f"}
    assert plain["arrows"]["f"]["R_F"] == plain["D_F"]
    assert plain["arrows"]["a"]["R_F"] == plain["X_AF"]
    assert plain["D_F"] == found["effects"]["D_F"]


def test_rows_that_a_pilot_left_are_told_without_training_anything(capsys):
    pilot = paths.ROOT / "assets" / "specs" / "asymmetry" / "signs-resnet20-pilot.parquet"
    assert main(["asymmetry", str(pilot)]) == 0
    told = capsys.readouterr().out
    assert "4 seeds: descriptive" in told
    assert "int8 on the first 1,400 held-out training images" in told
    assert f"design {studies.read(pilot.with_suffix('.toml')).hash}" in told
    assert main(["asymmetry", str(table.SHIPPED / "signs-resnet20-asymmetry.parquet")]) == 0
    assert "seeds: " in capsys.readouterr().out


def test_of_a_study_that_is_not_finished_no_effect_is_told(tmp_path, capsys):
    design = paths.ROOT / "assets" / "specs" / "asymmetry" / "signs-resnet20-pilot.toml"
    rows = table.read(design.with_suffix(".parquet"))
    (tmp_path / "half.toml").write_text(design.read_text())
    table.write(rows[~rows["checkpoint"].str.endswith(("s2", "s3"))], tmp_path / "half.parquet")
    assert main(["asymmetry", str(tmp_path / "half.parquet")]) == 2
    shown = capsys.readouterr()
    assert "half.parquet holds 2 of the 4 seeds of its study; no effect is told" in shown.err
    assert "D_F" not in shown.out


def test_rows_that_are_no_study_are_refused(tmp_path, capsys):
    assert main(["asymmetry", str(tmp_path)]) == 2
    assert f"no rows in {tmp_path}; expected a .parquet file" in capsys.readouterr().err
    assert main(["asymmetry", str(table.SHIPPED / "signs-resnet20-asymmetry.parquet"), "--seeds", "3"]) == 2
    assert "rows are only read" in capsys.readouterr().err
    table.write(_rows("signs/resnet20/asym-f-s0", 1.0, [[1] * 4] * 4), tmp_path / "f.parquet")
    assert main(["asymmetry", str(tmp_path / "f.parquet")]) == 2
    assert "holds no whole study: no seed has all of 00, A and F" in capsys.readouterr().err


def test_what_the_effects_of_one_seed_share_cancels_in_the_interval():
    """Every seed scales its effects alike, so both shares are exact: Lambda has no width, its parts have."""
    found = asymmetry.asymmetry(_effects(*[(0.4 * k, 0.1 * k, 0.2 * k, -0.1 * k) for k in (1, 2, 3, 4, 5)]))
    low, high = found["Lambda"]["low"], found["Lambda"]["high"]
    assert [low, high] == pytest.approx([0.75, 0.75])
    assert found["D_A"]["high"] - found["D_A"]["low"] > 0.5


def test_the_interval_is_t_over_seeds_where_only_one_effect_varies():
    x = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    found = asymmetry.asymmetry(_effects(*[(0.5, v, 0.2, 0.0) for v in x]))
    half = 2.7764 * x.std(ddof=1) / np.sqrt(5) / 0.5  # t with 4 degrees
    assert found["Lambda"]["high"] - found["Lambda"]["mean"] == pytest.approx(half, rel=1e-4)


@pytest.mark.parametrize(
    ("effect", "word"),
    [
        ((0.4, 0.1, 0.2, -0.1), "asymmetric as claimed"),
        ((0.4, 0.2, 0.2, 0.02), "asymmetric"),
        ((0.4, 0.0, 0.2, 0.1), "reversed"),
        ((0.4, 0.1, 0.2, 0.05), "undecided"),
        ((0.001, 0.1, 0.2, 0.05), "undefined"),
    ],
)
def test_the_verdict_follows_from_the_intervals(effect, word):
    noise = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    seeds = [tuple(e + n * (1 - 2 * (i % 2)) for i, e in enumerate(effect)) for n in noise]
    assert asymmetry.verdict(asymmetry.asymmetry(_effects(*seeds))) == word
    assert asymmetry.WORDS[word]


def test_no_share_is_taken_of_a_gain_that_is_none():
    found = asymmetry.asymmetry(_effects(*[(-0.1, 0.1, 0.2, 0.1)] * 5))
    assert np.isnan(found["Lambda"]["mean"])
    assert asymmetry.verdict(found) == "undefined"


@pytest.mark.parametrize("attack", ["adversarial", "bpfc"])
def test_all_four_networks_train_equally_long_on_as_many_images(attack):
    one = Study("signs/resnet20/base", epochs=4, attack=attack)
    plans = {model: study.plan(one, model, 3) for model in asymmetry.MODELS}
    assert {p.epochs for p in plans.values()} == {4}
    assert {(p.images, p.seed, p.base) for p in plans.values()} == {(1600, 3, "signs/resnet20/base")}
    assert [name for name, _ in plans["af"].stages] == [attack, "bit_error"]
    assert {o["batch"] for p in plans.values() for _, o in p.stages} == {32}


def test_cut_weights_belong_to_fault_training_alone_and_to_the_hash_only_where_asked_for():
    cut, plain = Study("signs/resnet20/base", w_sigma=2.5), Study("signs/resnet20/base")
    asked = {
        model: [o.get("w_sigma", 0.0) for _, o in study.plan(cut, model, 0).stages]
        for model in asymmetry.MODELS
    }
    assert asked == {"00": [0.0], "a": [0.0], "f": [2.5], "af": [0.0, 2.5]}
    assert cut.hash != plain.hash == Study("signs/resnet20/base", w_sigma=0.0).hash


def test_all_networks_are_measured_alike():
    one = Study("signs/resnet20/base")
    specs = [study.spec(one, study.name(one, *cell)) for cell in one.cells]
    assert len({(s.seed, s.maps, s.n, s.bers, s.eps, s.encoding) for s in specs}) == 1
    assert len({s.checkpoint for s in specs}) == len(one.cells) == 20


def test_a_study_goes_on_where_it_was_and_ends_in_rows_and_a_summary(monkeypatch, tmp_path, capsys):
    """Networks are stood in for by rows: A keeps more images under attack, F more under faults."""
    trained: list[tuple[str, int]] = []
    shipped: list[tuple[str, Path]] = []

    def rows(spec):
        model = asymmetry.named(spec.checkpoint.removesuffix(".safetensors"))[0]
        right = [1, 1, 1, 1] if "a" in model else [1, 0, 0, 0]
        made = _rows(spec.checkpoint, 1.0 if "f" in model else 0.5, [[1] * 4, right, right, right])
        return made.to_dict("records")

    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    monkeypatch.setattr(study, "_train", lambda s, model, seed, report: trained.append((model, seed)))
    monkeypatch.setattr(study.sweep, "run", rows)
    monkeypatch.setattr(study.harden, "publish", lambda made, to: shipped.append((made, to)))
    monkeypatch.setattr(study.checkpoints, "load", lambda file: Path(file).stem)
    given = ["asymmetry", "signs/resnet20/base", "--out", str(tmp_path / "rows.parquet")]
    given += ["--weights", str(tmp_path)]
    assert main([*given, "--seeds", "1"]) == 0
    told = capsys.readouterr().out
    assert "1 seed: descriptive" in told
    assert "Lambda" not in told  # of one seed it may be a share of next to nothing
    assert "D_F" in told
    assert main([*given, "--seeds", "2", "--json"]) == 0
    assert trained == [("00", 0), ("a", 0), ("f", 0), ("af", 0), ("00", 1), ("a", 1), ("f", 1), ("af", 1)]
    assert shipped[:4] == [(f"asym-{model}-s0", tmp_path) for model in asymmetry.MODELS]
    kept = table.read(tmp_path / "rows.parquet")
    assert sorted(kept["checkpoint"].unique())[0] == "signs/resnet20/asym-00-s0"
    told = asymmetry.summary(kept, {})
    assert told["effects"]["D_F"]["mean"] == pytest.approx(0.5)
    assert told["effects"]["over"] == "seeds"  # rows without answers per image


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 0}, "at least 1 seed, got 0"),
        ({"epochs": 3}, "epochs must be even, half for each half of AF, got 3"),
        ({"attack": "fgsm"}, "adversarial or bpfc, got 'fgsm'"),
        ({"more": {"A": {"stage": "flat"}}}, "name of small letters and digits, .* got 'A'"),
        ({"more": {"m": {"stage": "wide"}}}, "no stage 'wide'; known: "),
        ({"more": {"m": {"stage": "flat", "eps": 8.0}}}, "stage flat has no option eps"),
        ({"precision": "fp16"}, "no precision 'fp16'; known: bf16, fp32"),
    ],
)
def test_a_study_that_cannot_be_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Study("signs/resnet20/base", **given)


def test_a_name_that_says_no_model_is_refused():
    with pytest.raises(ValueError, match=r"such as asym-af-s3 \(of 00, a, f, af\), got 'base'"):
        asymmetry.named("signs/resnet20/base")


def test_every_seed_may_train_a_base_of_its_own_without_held_out_images():
    one = Study("gtsrb/resnet18/base", recipe=True, base_epochs=7, first=10, on="held-out")
    made = study.base_recipe(one, 10)
    assert (made.name, made.seed, made.epochs, made.start) == ("gtsrb/resnet18/asym-base-s10", 10, 7, "")
    assert study.plan(one, "f", 10).base.endswith("gtsrb/resnet18/asym-base-s10.safetensors")
    assert one.cells[0] == ("00", 10)
    assert study.spec(one, study.name(one, "f", 10)).dataset == "gtsrb-held-out"


def test_bfloat16_reaches_every_stage_and_every_row():
    one = Study("signs/resnet20/base", bf16=True, precision="bf16")
    for model in asymmetry.MODELS:
        assert all(options["bf16"] for _, options in study.plan(one, model, 0).stages)
    assert study.spec(one, "signs/resnet20/base").precision == "bf16"


def test_a_further_network_goes_on_from_the_same_base_in_a_stage_of_its_own():
    more = {"wide": {"stage": "margin", "margin": 4.0}}
    one = Study("signs/resnet20/base", epochs=4, bf16=True, more=more)
    ((stage, given),) = study.plan(one, "wide", 0).stages
    assert (stage, given["margin"], given["epochs"], given["lr"]) == ("margin", 4.0, 4, one.lr)
    assert given["bf16"]
    assert one.cells[-1] == ("wide", 4)
    other = replace(one, more={"wide": {"stage": "margin", "margin": 5.0}})
    assert one.hash == other.hash == replace(one, more={}).hash
    assert study.place(one, "f") == study.place(other, "f")
    assert study.place(one, "wide") != study.place(other, "wide")
    assert asymmetry.named(study.name(one, "wide", 3)) == ("wide", 3)


def test_what_was_no_option_once_changes_no_earlier_hash():
    assert Study("signs/resnet20/base").hash == "42ce1823935ce5de"
    later = [{"recipe": True}, {"a": {"method": "n-fgsm"}}, {"on": "held-out"}, {"bers": (*areas.BERS, 0.1)}]
    later += [{"bf16": True}, {"precision": "bf16"}]
    assert len({Study("signs/resnet20/base", **given).hash for given in later}) == len(later)


def test_resilience_runs_over_the_rates_that_all_networks_of_a_study_have():
    """0.75 up to 2e-2 and 0.25 at 1e-1: by trapezoids over log BER."""
    rows = [_rows(f"signs/resnet20/asym-{m}-s0", 0.75, [[1] * 4] * 4) for m in ("00", "a")]
    more = rows[0][rows[0]["ber"] == 2e-2].assign(ber=1e-1, correct=1)
    both = [r for frame in rows for r in (frame, more.assign(checkpoint=frame["checkpoint"].iloc[0]))]
    width, last = np.log10(1e-1 / 1e-4), np.log10(1e-1 / 2e-2)
    wide = asymmetry.resilience(table.frame(pd.concat(both).to_dict("records")))
    assert wide["R_F"].tolist() == pytest.approx([0.75 - last * 0.25 / width] * 2)
    one = asymmetry.resilience(table.frame(pd.concat(both[:3]).to_dict("records")))
    assert one["R_F"].tolist() == pytest.approx([0.75] * 2)


def test_the_written_designs_can_be_run():
    files = sorted((paths.ROOT / "assets" / "specs" / "asymmetry").glob("*.toml"))
    assert len(files) > 1
    for file in files:
        one = studies.read(file)
        assert one.recipe
        assert max(one.bers) == 0.1
        assert one.n >= (2000 if one.on == "test" else 1000)  # a pilot has no more images than are held out
        assert study.base_recipe(one, one.first).start == ""
