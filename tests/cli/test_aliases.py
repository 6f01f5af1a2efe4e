"""Old command names work, say what they are called now, and mean what they meant."""

import pytest

from resq.cli import COMMANDS, aliases, main, parser
from resq.measure.specs.sweep_spec import MODES

BASE = "signs/resnet20/base"
# (as typed before, as typed now)
PAIRS = [
    (["flow", BASE, "--ber", "1e-2", "--maps", "5"], ["confusion", BASE, "--ber", "1e-2", "--maps", "5"]),
    (["replay"], ["claims"]),
    (["replay", "attack-gain", "--rerun", "--n", "9"], ["claims", "attack-gain", "--rerun", "--n", "9"]),
    (
        ["zoo", "--only", "gtsrb", "--budget", "150m"],
        ["train", "--all", "--only", "gtsrb", "--budget", "150m"],
    ),
    (["zoo", "--list", "--json"], ["train", "--all", "--list", "--json"]),
    (["surface", BASE, "--eps", "0,8"], ["sweep", BASE, "--joint", "--eps", "0,8"]),
]


@pytest.mark.parametrize(("old", "now"), PAIRS)
def test_an_old_command_is_parsed_as_the_present_one(old, now):
    assert parser().parse_args(aliases.renewed(old)) == parser().parse_args(now)


@pytest.mark.parametrize("old", aliases.RENAMED)
def test_an_old_name_is_told_in_one_line_and_stands_in_no_list(old, capsys):
    assert old not in COMMANDS
    aliases.tell([old, "x"])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"python -m resq {' '.join(aliases.RENAMED[old])}\n" in said.err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_present_name_is_left_alone(name, capsys):
    aliases.tell([name])
    assert aliases.renewed([name]) == [name]
    assert capsys.readouterr().err == ""


def test_an_old_command_runs_and_leaves_standard_output_to_its_result(capsys):
    assert main(["zoo", "--list", "--json"]) == 0
    old = capsys.readouterr()
    assert main(["train", "--all", "--list", "--json"]) == 0
    now = capsys.readouterr()
    assert old.out == now.out
    assert old.err == "resq: zoo is an old name; this command is now called: python -m resq train --all\n"
    assert now.err == ""


@pytest.mark.parametrize("option", ["--plugin=nowhere.py", "--debug"])
def test_an_old_name_is_found_behind_what_may_stand_before_a_command(option, capsys):
    main([option, "flow", "nowhere/at/all"])
    assert "python -m resq confusion" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "axes"),
    [
        ([], ((0.0, 1e-3, 1e-2), (0.0, 2.0, 4.0, 8.0), MODES, 5)),
        (["--maps", "10", "--ber", "0,1e-4", "--mode", "transfer"],
         ((0.0, 1e-4), (0.0, 2.0, 4.0, 8.0), ("transfer",), 10)),
    ],
)  # fmt: skip
def test_a_joint_sweep_has_both_axes_unless_others_are_named(monkeypatch, typed, axes):
    seen = []
    monkeypatch.setattr("resq.cli.options.spec", lambda arguments, n: seen.append(arguments) or 1 / 0)
    assert main(["sweep", BASE, "--joint", *typed]) == 70
    assert (seen[0].ber, seen[0].eps, seen[0].mode, seen[0].maps) == axes


def test_a_sweep_that_is_not_joint_has_ten_maps(monkeypatch):
    seen = []
    monkeypatch.setattr("resq.cli.options.spec", lambda arguments, n: seen.append(arguments) or 1 / 0)
    main(["sweep", BASE])
    assert (seen[0].maps, seen[0].eps, seen[0].mode) == (10, (), ())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train"], "takes a recipe, such as signs/resnet20/base, or --all, got neither"),
        (["train", BASE, "--all"], "--all trains each network by its own recipe, got recipe"),
        (["train", "--all", "--epochs", "3"], "got --epochs"),
        (["train", "--all", "--seed", "0"], "got --seed"),
        (["train", BASE, "--only", "gtsrb"], "--only is for --all"),
        (["train", BASE, "--list"], "--list is for --all"),
    ],
)
def test_options_of_one_network_and_of_all_do_not_meet(words, said, capsys, monkeypatch):
    monkeypatch.setattr("resq.training.finish.finish", None)  # nothing is trained
    assert main(words) == 2
    assert said in capsys.readouterr().err


# Every command that documents, claims and pages have ever told people to type.
TYPED = """
asymmetry cifar10/resnet18/first --seeds 1 --epochs 2 --images 8000 --batch 128 --n 500 --maps 5 --steps 10
bfa signs/resnet20/base --flips 20 --n 128
campaign assets/specs/campaigns/cifar10-clean.toml --out assets/results/cifar10-clean.parquet
campaign assets/specs/campaigns/signs-resnet20-attack.toml --cluster tcp://localhost:8786
campaign assets/specs/campaigns/signs-resnet20-faults.toml --workers 2
card signs/resnet20/base --quick --n 200
data cifar10 --download
evaluate cifar10/resnet18/base
flip signs/resnet20/base --layer conv1.weight --weight 8 --bits 7 --image 2 --eps 4
flow signs/resnet20/base --ber 1e-2 --maps 5 --n 300
guards cifar10/resnet18/plus --encoding int4-tmr2 --n 100
harden assets/specs/hardened/signs-resnet20.toml
harden signs/resnet20/base --preset quick
import FILE --network resnet20 --data cifar10
replay attack-gain
report cifar10/resnet18/base --out report.html
sensitivity cifar10/resnet18/base --measured
show cifar10/resnet18/base
store --export rows.parquet
surface signs/resnet20/base --ber 0,1e-2 --eps 0,2,8 --mode transfer,adaptive
sweep assets/specs/sweeps/signs-resnet20-faults.toml
sweep signs/resnet20/base --ber 0,1e-3,1e-2 --maps 20
sweep signs/resnet20/base --ber 1e-2 --half-width 0.5 --sample random
train signs/resnet20/base --variant mine
verify
zoo --only gtsrb --budget 150m --device auto
""".strip().splitlines()


@pytest.mark.parametrize("line", TYPED)
def test_what_people_were_told_to_type_is_still_understood(line):
    words = line.split()
    parsed = parser().parse_args(aliases.renewed(words))
    assert parsed.command == aliases.RENAMED.get(words[0], words)[0]
