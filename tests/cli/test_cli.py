"""The command line: JSON for machines, tables for people, one sentence and code 2 for what cannot be used."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resq.claims import provenance
from resq.cli import main
from resq.measure.analysis import intervals, stats, stopping_rule
from resq.measure.store import table

ROOT = Path(__file__).resolve().parents[2]
BASE = "signs/resnet20/base"


def spoken(capsys, *argv: str) -> str:
    assert main(list(argv)) == 0
    return capsys.readouterr().out


def refused(capsys, *argv: str) -> str:
    try:
        code = main(list(argv))
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_show_lists_what_there_is_with_measured_accuracies(capsys):
    found = json.loads(spoken(capsys, "show", "--json"))
    assert {"resnet20", "resnet18", "vgg16", "efficientnet_b0", "swin_t"} <= {
        n["name"] for n in found["networks"]
    }
    assert [d["name"] for d in found["data_sets"]] == ["signs", "cifar10", "cifar100", "gtsrb"]
    assert {"random", "count", "layer-uniform"} <= {f["name"] for f in found["faults"]}
    base = next(c for c in found["checkpoints"] if c["name"] == BASE)
    assert base["accuracy"] > 0.95
    assert base["n"] == 4000
    assert BASE in spoken(capsys, "show")
    assert json.loads(spoken(capsys, "show", BASE, "--json"))["selected"].startswith("the last epoch")


def test_evaluate_prints_one_object_with_what_was_asked(capsys):
    given = [
        "evaluate",
        BASE,
        "--n",
        "60",
        "--ber",
        "1e-2",
        "--maps",
        "2",
        "--eps",
        "8",
        "--steps",
        "2",
        "--json",
    ]
    found = json.loads(spoken(capsys, *given))
    assert found["n"] == 60
    assert found["accuracy"] > 0.9
    (faulty,) = found["faulty"]
    assert faulty["ber"] == 0.01
    assert faulty["maps"] == 2
    assert faulty["low"] <= faulty["mean"] <= faulty["high"]
    (attacked,) = found["attacked"]
    assert {k: attacked[k] for k in ("attack", "eps", "steps", "restarts")} == {
        "attack": "pgd", "eps": 8, "steps": 2, "restarts": 1,
    }  # fmt: skip
    assert attacked["accuracy"] < found["accuracy"]
    assert set(found["hashes"]) == {"spec", "weights", "images", "code"}


def test_a_single_map_has_no_interval_and_json_says_null(capsys):
    found = json.loads(spoken(capsys, "sweep", BASE, "--n", "20", "--ber", "0.5", "--maps", "1", "--json"))
    assert found["faulty"][0]["low"] is None


def test_sweep_prints_a_table_for_people_with_its_origin(capsys):
    said = spoken(capsys, "sweep", BASE, "--n", "20", "--ber", "0,1e-2", "--maps", "2")
    assert "over maps" in said
    assert "seed 0; weights" in said


def test_sweep_writes_rows_and_overwrites_nothing(capsys, tmp_path):
    file = tmp_path / "rows.parquet"
    given = ["sweep", BASE, "--n", "20", "--ber", "0,1e-2", "--maps", "2"]
    spoken(capsys, *given, "--out", str(file))
    assert len(table.read(file)) == 3
    assert "exists already; nothing was run and nothing overwritten" in refused(
        capsys, *given, "--out", str(file)
    )
    spoken(capsys, *given, "--out", str(tmp_path / "rows.csv"))
    pd.testing.assert_frame_equal(
        table.frame(pd.read_csv(tmp_path / "rows.csv", dtype={"right": str, "key": str}).to_dict("records")),
        table.read(file),
    )


def test_bits_is_short_for_an_affine_code(capsys):
    found = json.loads(spoken(capsys, "sweep", BASE, "--n", "20", "--ber", "0", "--bits", "4", "--json"))
    assert found["encoding"] == "int4"


def test_a_file_of_sweeps_runs_as_one_table(capsys, tmp_path):
    spec = tmp_path / "two.toml"
    spec.write_text(f'checkpoint = "{BASE}"\nencoding = ["int8", "fp32"]\nbers = [0]\nn = 20\n')
    found = json.loads(spoken(capsys, "sweep", str(spec), "--json"))
    assert [row["encoding"] for row in found["rows"]] == ["int8", "fp32"]


@pytest.mark.parametrize("sample", ["first", "random"])
def test_where_a_rule_stopped_the_maps_the_table_has_the_interval_that_it_stopped_at(capsys, sample):
    asked = ["sweep", BASE, "--ber", "0,1e-2", "--half-width", "3", "--n", "50", "--sample", sample, "--json"]
    found = json.loads(spoken(capsys, *asked))
    point = next(p for p in found["faulty"] if p["ber"] == 0.01)
    accuracy = [row["correct"] / row["n"] for row in found["rows"] if row["ber"] == 0.01]
    assert len(accuracy) == point["maps"] >= stopping_rule.START
    low, high = stopping_rule.interval(accuracy)
    assert (point["map_low"], point["map_high"]) == pytest.approx((low, high))
    assert high - low > 2 * stats.t_half_width(np.array(accuracy))
    images = (point["image_low"], point["image_high"])
    whole = intervals.both(point["mean"], (low, high), images)
    drawn = intervals.drawn(point["mean"], (low, high), 50, point["maps"], 4000)
    assert (point["low"], point["high"]) == pytest.approx(drawn if sample == "random" else whole)
    assert point["low"] < min(low, images[0])
    assert point["high"] > max(high, images[1])


def test_a_sweep_of_random_images_says_of_how_many_they_were_drawn(capsys):
    given = ["sweep", BASE, "--ber", "0,1e-2", "--n", "20", "--maps", "2", "--eps", "8", "--steps", "1"]
    last = spoken(capsys, *given, "--sample", "random").splitlines()[-1]
    assert (
        "signs, 20 random ones of 4,000 test images, drawn anew for each map and signs test images 1 to 20"
        in last
    )
    assert "signs test images 1 to 20, sampler" in spoken(capsys, *given).splitlines()[-1]


SHARED = f'checkpoint = "{BASE}"\nbers = [0, 1e-2]\nmaps = 3\nn = 20\neps = [8]\nsteps = 1\n'


def test_a_cell_that_several_sweeps_of_a_file_share_is_measured_and_counted_once(capsys, tmp_path):
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(f'{SHARED}attack = "fgsm"\n')
    two.write_text(f'{SHARED}attack = ["fgsm", "pgd"]\n')
    alone, shared = (json.loads(spoken(capsys, "sweep", str(f), "--json"))["rows"] for f in (one, two))
    keys = [row["key"] for row in shared]
    assert len(set(keys)) == len(keys) == len(alone) + 1 == 6
    table_of_one, table_of_two = (
        [line for line in spoken(capsys, "sweep", str(f)).splitlines() if line.startswith("0.01 ")]
        for f in (one, two)
    )
    assert table_of_one == table_of_two


def test_rows_that_a_file_holds_twice_are_counted_once_in_a_report(capsys, tmp_path):
    file = tmp_path / "rows.parquet"
    spoken(capsys, "sweep", BASE, "--n", "20", "--ber", "1e-2", "--maps", "2", "--out", str(file))
    rows = table.read(file)
    table.write(pd.concat([rows, rows], ignore_index=True), file)
    assert len(provenance.target(str(file))[1]) == len(rows) == 2


def test_the_precision_of_a_file_of_sweeps_is_compared_with_fp32(capsys, tmp_path):
    spec = tmp_path / "bf.toml"
    spec.write_text(f'checkpoint = "{BASE}"\nbers = [1e-2]\nmaps = 1\nn = 20\nprecision = "bf16"\n')
    assert main(["sweep", str(spec)]) == 0
    assert "bf16 against fp32 on 1 maps: at BER 0.01 the difference is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("beside", "named"),
    [
        (["--n", "5", "--seed", "0"], "--n, --seed"),
        (["--half-w", "0.5"], "--half-width"),
        (["--stream"], "--stream"),
        (["--joint"], "--joint"),
    ],
)
def test_what_a_file_of_sweeps_says_is_not_said_beside_it(capsys, tmp_path, beside, named):
    spec = tmp_path / "one.toml"
    spec.write_text(SHARED)
    assert f"so it takes no {named} beside it" in refused(capsys, "sweep", str(spec), *beside)


@pytest.mark.parametrize(
    "argv",
    [
        ["harden", "assets/specs/hardened/signs-resnet20.toml", "--seed", "0"],
        ["card", "mine.card.json", "--n", "50"],
    ],
)
def test_what_another_file_says_is_not_said_beside_it(capsys, argv):
    assert f"so it takes no {argv[2]} beside it; name a checkpoint" in refused(capsys, *argv)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["sweep", "nope"], "no checkpoint 'nope'; expected data/network/variant"),
        (["sweep", "../../etc/passwd"], "no checkpoint"),
        (["sweep", BASE, "--ber", "2"], "got 2 (2 % is written 0.02)"),
        (["sweep", BASE, "--ber", "a,b"], "such as 0,1e-4,1e-3, got 'a,b'"),
        (["sweep", BASE, "--bits", "9"], "integer codes have 2 to 8 bits, got 9"),
        (["sweep", BASE, "--encoding", "int8-gray"], "no encoding 'int8-gray'"),
        (["sweep", BASE, "--ber", "0", "--layers", "conv9*"], "no layer fits 'conv9*'"),
        (["sweep", BASE, "--ber", "0", "--planes", "8"], "bit planes must lie in 0..7, got 8"),
        (["sweep", BASE, "--encoding", "int4-secded", "--planes", "6", "--ber", "0.1"], "in 0..3, got 6"),
        (["sweep", BASE, "--n", "0"], "n must be at least 1, got 0"),
        (["sweep", BASE, "--out", "rows.xlsx"], "--out takes a .parquet or .csv file, got rows.xlsx"),
        (["evaluate", BASE, "--n", "9999999"], "n must lie in 1..4000"),
        (["evaluate", BASE, "--data", "mnist"], "no data set 'mnist'; known: cifar10"),
        (["train", "nope"], "no recipe 'nope'"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_bad_input_gets_one_sentence_and_code_2(capsys, argv, sentence):
    assert sentence in refused(capsys, *argv)


def test_a_missing_data_set_says_what_to_do(capsys, own_folders):
    said = refused(capsys, "data", "cifar100")
    assert "set RESQ_DATA" in said
    assert "python -m resq data cifar100 --download" in said


def test_python_m_resq_is_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "resq", "show", BASE, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["network"] == "resnet20"


def test_a_checkpoint_with_rows_and_no_card_is_said_to_have_them(capsys, rows, monkeypatch):
    monkeypatch.setattr(table, "shipped_but", lambda known: rows.assign(checkpoint="cifar10/resnet18/gone"))
    assert main(["show", "cifar10/resnet18/gone"]) == 2
    assert "and neither weights nor a card here; python -m resq report" in capsys.readouterr().err


def test_the_clean_accuracy_of_random_images_is_told_as_of_its_draws_with_their_interval(capsys):
    asked = ["evaluate", BASE, "--sample", "random", "--n", "20", "--maps", "4", "--ber", "1e-2"]
    text = spoken(capsys, *asked)
    found = json.loads(spoken(capsys, *asked, "--json"))
    assert "correct of 4 draws of 20 (95 % over images: " in text
    assert f"{100 * found['low']:.2f} to {100 * found['high']:.2f}" in text.splitlines()[1]
    assert found["high"] - found["low"] < 2 * 0.5 / np.sqrt(20)
