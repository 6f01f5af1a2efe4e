"""Presets, plans and the run of all stages: killed, resumed, streamed, with a card that tells all."""

import dataclasses
import json

import numpy as np
import pytest
import torch

import resq
from resq import checkpoints, data
from resq.cli import main
from resq.core import Dataset, Encoding, paths
from resq.data import signs
from resq.training import harden, hardening_list, presets
from resq.training.stages import STAGES
from resq.training.tuning.stage_eval import EvalConfig

TOML = """
about = "tiny"
[[stage]]
name = "adversarial"
epochs = 1
steps = 1
batch = 16
n_valid = 16
drop = 1.0
[[stage]]
name = "bit_error"
epochs = 2
batch = 16
n_valid = 16
recount = 16
drop = 1.0
[[stage]]
name = "quantize"
encoding = "int4-tmr2"
recount = 16
n_bias = 16
drop = 1.0
"""


@pytest.fixture
def tiny(monkeypatch, tmp_path) -> str:
    """A preset of all three kinds of stages for 40 small pictures; returns its path."""
    x, y = signs.render("train", 40)
    small = Dataset("signs", "train", np.ascontiguousarray(x[:, :, ::2, ::2]), y, signs.CLASSES)
    monkeypatch.setattr(data, "load", lambda name, split: small)
    monkeypatch.setattr(presets, "EvalConfig", lambda: EvalConfig(n=4, attacked=4, maps=1, steps=1))
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    file = tmp_path / "tiny.toml"
    file.write_text(TOML)
    return str(file)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_learns_whatever_its_caller_has_switched_off_in_torch(tiny, mode):
    with mode():
        learned = resq.harden("signs/resnet20/base", preset=tiny, stages=["adversarial"]).state_dict()
    base = resq.load("signs/resnet20/base").state_dict()
    assert any(not torch.equal(value, base[name]) for name, value in learned.items())


def _card(name="signs/resnet20/tiny") -> dict:
    return checkpoints.card(name)


def test_a_base_in_a_file_is_told_without_the_folder_of_this_machine(tiny, tmp_path):
    base = checkpoints.load("signs/resnet20/base")
    plans = []
    for place in ("here", "there"):
        file = checkpoints.save("signs/resnet20/mine", base.state, base.weights, {}, tmp_path / place)
        made = presets.plan("signs/resnet20/base", tiny, only=["adversarial"])
        plans.append(dataclasses.replace(made, base=str(file)))
    card = harden.harden(plans[0]).card
    assert plans[0].hash == plans[1].hash == card["plan"]
    assert card["base"]["name"] == "mine.safetensors"
    assert str(tmp_path) not in json.dumps(card)
    assert "mine.safetensors, which it goes on from" in card["valid"]["from"]


@pytest.mark.parametrize("network", ["vgg16", "efficientnet_b0"])
def test_an_option_that_came_later_leaves_the_plans_of_shipped_cards_as_they_were(network):
    cards = checkpoints.unshipped()
    for made in hardening_list.read(paths.ASSETS / "specs" / "hardened" / f"cifar10-{network}.toml"):
        assert made.hash == cards[made.result]["plan"]
        named, chosen = made.stages[0]
        other = ((named, {**chosen, "optimizer": "adamw"}), *made.stages[1:])
        assert dataclasses.replace(made, stages=other).hash != made.hash


def test_two_bases_of_one_file_name_have_runs_of_their_own(tiny, tmp_path):
    base = checkpoints.load("signs/resnet20/base")
    other = {name: value + 1 if name == "bn1.bias" else value for name, value in base.state.items()}
    made, runs = presets.plan("signs/resnet20/base", tiny, only=["adversarial"]), tmp_path / "harden"
    plans = []
    for place, state in (("here", base.state), ("there", other)):
        file = checkpoints.save("signs/resnet20/mine", state, base.weights, {}, tmp_path / place)
        plans.append(dataclasses.replace(made, base=str(file)))
        harden.harden(plans[-1])
    assert len(list(runs.iterdir())) == 2
    harden.forget(plans[0])
    (left,) = runs.iterdir()
    assert left.name.endswith(checkpoints.load(plans[1].base).hash)


def test_the_card_tells_what_every_stage_did_and_changed(tiny, capsys):
    assert main(["harden", "signs/resnet20/base", "--preset", tiny, "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card == _card()
    assert [stage["name"] for stage in card["stages"]] == ["adversarial", "bit_error", "quantize"]
    assert [len(stage["log"]) for stage in card["stages"]] == [1, 2, 1]
    assert [stage["after"] for stage in card["stages"][:2]] == [
        stage["before"] for stage in card["stages"][1:]
    ]
    for stage in card["stages"]:
        assert {"clean", "faulty", "attacked", "max_over_sigma", "stored_bits"} <= set(stage["after"])
        assert set(stage["options"]) == set(STAGES[stage["name"]].defaults)
    assert card["encoding"] == card["test"]["encoding"] == "int4-tmr2"
    assert card["base"]["sha256"] == checkpoints.card("signs/resnet20/base")["sha256"]
    assert not list((paths.work() / "harden").iterdir())
    assert card["valid"]["seen"] == "all"
    assert len(card["valid"]["classes"]) == 2
    assert all(1 < n <= 16 for n in card["valid"]["classes"])
    assert "these among them: so the figures before these stages" in card["valid"]["from"]
    assert all(stage["after"]["attacked"]["starts"] == 1 for stage in card["stages"])


def test_a_base_that_was_trained_without_held_out_images_is_not_said_to_have_learned_from_them(
    tiny, monkeypatch, capsys
):
    own = checkpoints.card
    without = lambda name: {**own(name), "candidate": True} if name.endswith("/base") else own(name)  # noqa: E731
    monkeypatch.setattr(checkpoints, "card", without)
    given = ["--preset", tiny, "--stages", "quantize", "--json"]
    assert main(["harden", "signs/resnet20/base", *given]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["valid"]["seen"] == "none"
    assert "no network here has learned from them" in card["valid"]["from"]


def test_killed_in_its_second_stage_it_goes_on_there_and_ends_the_same(tiny):
    plan = presets.plan("signs/resnet20/base", tiny)
    whole = harden.harden(plan)
    harden.forget(plan)

    def killed(row):
        if (row["stage"], row["epoch"]) == ("bit_error", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harden.harden(plan, killed)
    told = []
    again = harden.harden(plan, told.append)
    assert [(row["stage"], row["epoch"]) for row in told] == [("bit_error", 2), ("quantize", 1)]
    assert again.hash == whole.hash


def test_rows_are_streamed_as_the_jobs_read_them(tiny, capsys):
    given = ["--preset", tiny, "--stages", "bit_error", "--set", "bit_error.rate=0.02", "--variant", "mine"]
    assert main(["harden", "signs/resnet20/base", *given, "--stream"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"total": 2}
    assert [line["row"]["epoch"] for line in lines[1:3]] == [1, 2]
    assert {"stage", "epochs", "loss", "accuracy", "valid", "eta"} <= set(lines[1]["row"])
    assert lines[-1] == {"done": {"checkpoint": "signs/resnet20/mine"}}
    assert _card("signs/resnet20/mine")["stages"][0]["options"]["rate"] == 0.02


def test_a_person_reads_a_table_and_is_kept_from_overwriting(tiny, capsys):
    given = ["harden", "signs/resnet20/base", "--preset", tiny, "--stages", "quantize"]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert "after stage" in said
    assert "int4-tmr2 (8 bits)" in said
    assert "PGD-1 at 8/255 from 1 random start, an upper bound" in said
    assert "seed 0;" in said
    assert "No change from line to line and no end of an interval is tested" in said
    assert "signs/resnet20/base, which it goes on from, was trained on 16,000 images of that split" in said
    assert main(given) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err


def test_stages_can_be_chosen_ordered_changed_and_scaled():
    plan = presets.plan(
        "signs/resnet20/base",
        "paper",
        only=["bit_error", "mixup"],
        changes={"mixup": {"alpha": 0.5}},
        epochs_scale=0.1,
    )
    assert [name for name, _ in plan.stages] == ["bit_error", "mixup"]
    assert plan.stages[0][1]["epochs"] == 3  # 30 in the preset
    assert plan.stages[1][1]["alpha"] == 0.5
    assert plan.result == "signs/resnet20/paper"
    assert plan.epochs == 3 + plan.stages[1][1]["epochs"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--preset", "plu"], "no preset 'plu'; known: article, longer, paper, plus, protect, quick"),
        (["--stages", "bpfx"], "no stage 'bpfx'"),
        (["--epochs-scale", "0"], "epochs are scaled by a positive number, got 0"),
        (["--set", "bpfc.epochs=2"], "stage bpfc is not among those that run: adversarial, bit_error"),
        (["--set", "rate=2"], "--set takes STAGE.OPTION=VALUE, such as bit_error.rate=0.05, got 'rate=2'"),
    ],
)
def test_a_plan_that_cannot_run_is_one_sentence(given, said, capsys):
    assert main(["harden", "signs/resnet20/base", *given]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["article", "paper", "plus", "quick"])
def test_every_preset_is_a_plan_of_known_stages(name):
    plan = presets.plan("signs/resnet20/base", name)
    assert plan.epochs >= 3
    assert plan.stages[-1][0] == "quantize"


def test_the_preset_that_protects_trains_nothing_and_stores_some_layers_apart(tiny, capsys):
    assert main(["harden", "signs/resnet20/base", "--preset", "protect", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    encoding = Encoding.parse(card["encoding"])
    assert (str(encoding.base), str(encoding.other)) == ("int8", "int4-tmr2")
    base, made = (checkpoints.load(name) for name in ("signs/resnet20/base", card["name"]))
    sizes = [base.state[name].size for name in base.weights]
    assert 0 < sum(sizes[i] for i in encoding.apart) <= 0.1 * sum(sizes)
    assert all(np.array_equal(made.state[name], base.state[name]) for name in base.weights)
    assert card["stages"][0]["after"]["stored_bits"] == 8


def test_a_preset_that_cannot_be_read_says_why(tmp_path):
    file = tmp_path / "bad.toml"
    for text, said in [
        ("stage = [", "not a readable TOML preset"),
        ("about = 'x'", r"bad.toml names no \[\[stage\]\]"),
        ("epochs = 3\n[[stage]]\nname = 'bpfc'", "bad.toml has epochs"),
        ("[[stage]]\nname = 'bpfc'\nlamda = 3.0", "stage bpfc has no option lamda"),
    ]:
        file.write_text(text)
        with pytest.raises(ValueError, match=said):
            presets.read(file)


LIST = """
base = "signs/resnet20/base"
images = 16
[options.quantize]
encoding = "int4-tmr2"
recount = 0
n_bias = 8
drop = 1.0
[[checkpoint]]
variant = "one"
stages = ["quantize"]
[[checkpoint]]
variant = "two"
base = "signs/resnet20/one"
stages = ["quantize"]
options.quantize.encoding = "int5"
"""


def test_a_list_makes_what_is_not_there_yet_one_from_the_other(tiny, tmp_path, capsys):
    file = tmp_path / "list.toml"
    file.write_text(LIST)
    assert main(["harden", str(file), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["checkpoints"]
    assert [card["encoding"] for card in made.values()] == ["int4-tmr2", "int5"]
    assert made["signs/resnet20/two"]["base"]["name"] == "signs/resnet20/one"
    assert made["signs/resnet20/two"]["stages"][0]["options"]["n_bias"] == 8
    assert main(["harden", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checkpoints"] == made
    assert main(["harden", str(file)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{name} is there already; --overwrite makes it anew" for name in made]
    file.write_text(LIST.replace('"int5"', '"int6"'))
    assert main(["harden", str(file)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == said[0]
    assert second.startswith("signs/resnet20/two is there already, made by another plan than this list's")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("base = 'a/b/c'\n", r"lists no \[\[checkpoint\]\]"),
        ("bases = 1\n[[checkpoint]]\n", "has bases; a list of checkpoints has base"),
        ("[[checkpoint]]\nvariant = 'x'\n", "a checkpoint without base and stages"),
        (
            "base = 'a/b/c'\n[[checkpoint]]\nvariant = 'x'\nstages = ['bpfc']\noptions.mixup.alpha = 0.1\n",
            "x sets options of mixup, which it does not run",
        ),
    ],
)
def test_a_list_that_cannot_be_read_says_why(text, said, tmp_path):
    file = tmp_path / "list.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        hardening_list.read(file)


def test_every_shipped_list_is_one_of_plans():
    files = list((paths.ROOT / "assets" / "specs" / "hardened").glob("*.toml"))
    assert files
    for file in files:
        data, network, *_ = file.stem.split("-")
        assert all(plan.result.startswith(f"{data}/{network}/") for plan in hardening_list.read(file))
