"""Options of commands that take a deployed file: read, or refused, so that none is passed over."""

import argparse
import json
import re

import pytest

from resq import cli
from resq.cli import options, unable, unread
from tests import small_file

INPUT = ["--data", "signs", "--range", "0..1"]
ON_FILES_ALONE = {"inspect", "twin"}  # and what these read is all that they have
CHECKPOINT = "signs/resnet20/base"
# An option's value that is not its default, where 3 is none or other options make no sense of it.
VALUES = {
    "data": "signs", "targets": "all", "range": "0..1", "mean": "0.5", "std": "0.5", "layout": "nchw",
    "classes": "a,b", "size": "64x64", "encoding": "int8-symmetric-secded", "bits": "4", "ber": "1e-3",
    "share": "0.5", "attack": "fgsm", "mode": "adaptive", "metric": "pvf", "device": "cuda", "out": "x.json",
    "layer": "conv.weight", "fault": "count", "sample": "random", "precision": "bf16", "top": "1e-2",
    "layers": "conv.*", "planes": "7", "eps": "8", "half_width": "0.5", "encodings": "int8",
}  # fmt: skip


def declared(command: str) -> dict[str, argparse.Action]:
    """The options of a command by name."""
    parser = argparse.ArgumentParser(add_help=False)
    cli.module(command).add(parser)
    return {action.dest: action for action in parser._actions if action.option_strings}


def typed(action: argparse.Action, command: str) -> list[str]:
    """An option with a value that is not its default."""
    if action.nargs == 0:
        return [action.option_strings[0]]
    value = VALUES.get(action.dest, "3")
    if action.dest == "metric" and command != "sensitivity":
        value = "sdc1"
    return [f"{action.option_strings[0]}={value}"]


def refused(capsys, *words: str) -> str:
    """Why a command refuses its words; what else goes wrong, or nothing, is no refusal of an option."""
    assert cli.main(list(words)) == 2
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    return str(small_file.made(tmp_path_factory.mktemp("file")))


def test_every_command_that_takes_a_network_says_what_it_reads_of_a_file():
    taking = {
        name for name in cli.COMMANDS if any("checkpoint" in action.dest for action in positional(name))
    }
    assert taking - set(unable.UNABLE) == {name.split()[0] for name in unread.READ}
    assert set(unread.OF_FILES_ALONE) == {name.split()[0] for name in unread.READ}


def positional(command: str) -> list[argparse.Action]:
    parser = argparse.ArgumentParser(add_help=False)
    cli.module(command).add(parser)
    return [action for action in parser._actions if not action.option_strings]


@pytest.mark.parametrize("how", unread.READ)
def test_what_is_read_of_a_file_are_options_that_there_are(how):
    assert unread.READ[how] <= set(declared(how.split()[0]))
    assert unread.OF_FILES_ALONE[how.split()[0]] <= set(declared(how.split()[0]))


@pytest.mark.parametrize(
    ("how", "name"),
    [(how, n) for how, read in unread.READ.items() for n in declared(how.split()[0]) if n not in read],
)
def test_an_option_that_would_change_nothing_of_a_file_is_refused(file, capsys, how, name):
    action = declared(how.split()[0])[name]
    words = [*how.split()[:1], file, *how.split()[1:], *INPUT, *typed(action, how.split()[0])]
    assert f"takes no {action.option_strings[0]} of a deployed file, got {file}: " in refused(capsys, *words)


@pytest.mark.parametrize(
    ("command", "name"),
    [(command, name) for command, names in unread.OF_FILES_ALONE.items() for name in sorted(names)],
)
def test_an_option_of_files_alone_is_refused_for_a_checkpoint(capsys, command, name):
    action = declared(command)[name]
    value = ["--data=cifar10"] if name == "data" else typed(action, command)
    needed = ["--ber", "1e-2"] if command == "protect" else []
    refusal = refused(capsys, command, CHECKPOINT, *needed, *value)
    assert f"takes no {action.option_strings[0]} of a checkpoint, got {CHECKPOINT}: " in refusal


class Followed(argparse.Namespace):
    """Options that note which of them were asked for."""

    def __getattribute__(self, name: str):
        if not name.startswith("_"):
            object.__getattribute__(self, "__dict__").setdefault("_asked", set()).add(name)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("how", ["evaluate", "sweep", "sensitivity --measured", "sensitivity", "guards",
                                 "bfa", "flip"])  # fmt: skip
def test_what_is_said_to_be_read_of_a_file_is_asked_for(file, capsys, how, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    command, *more = how.split()
    few = {
        "evaluate": ["--n=8"],
        "sweep": ["--n=8", "--ber=1e-2", "--maps=1"],
        "flip": [],
        "bfa": ["--n=8", "--test=8", "--flips=1"],
        "guards": ["--n=8", "--steps=1"],
    }.get(command, ["--n=8"])
    parsed = cli.parser(command).parse_args([command, file, *more, *INPUT, *few, *maps(how)])
    asked = Followed(**vars(parsed))
    expected = unread.READ[how] - {"classes", "size"}  # asked for where images are brought
    asked.opened = options.opened(asked)
    vars(asked)["_asked"].clear()
    cli.module(command).run(asked)
    capsys.readouterr()
    assert expected - vars(asked)["_asked"] - {"bits"} == set()


def maps(how: str) -> list[str]:
    return ["--maps=1"] if how == "sensitivity --measured" else []


def test_a_file_whose_words_lie_in_another_memory_is_headed_by_it(file, capsys):
    words = ["sweep", file, *INPUT, "--ber=1e-2", "--maps=1", "--n=20"]
    assert cli.main(words) == 0
    own = capsys.readouterr().out
    assert own.startswith(f"{file} as it is\n")
    assert " as stored, run by onnxruntime" in own
    assert cli.main([*words, "--encoding=int8-symmetric-secded"]) == 0
    other = capsys.readouterr().out
    assert other.startswith(f"{file}, its words in int8-symmetric-secded\n")
    assert " as int8-symmetric-secded, run by onnxruntime" in other
    assert "as it is" not in other


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["--bits=4"], "stores int8 words; codes of symmetric or magnitude hold them, .*got int4"),
        (["--bits=8"], "stores words of int8-symmetric, got int8;"),
        (["--encoding=int8"], "stores words of int8-symmetric, got int8;"),
        (["--size=64x64"], "--size is of pictures in a folder, .*got --data signs"),
    ],
)
def test_words_that_a_file_cannot_have_are_refused(file, capsys, words, refusal):
    assert re.search(refusal, refused(capsys, "sweep", file, *INPUT, "--ber=1e-2", "--n=20", *words))


def test_the_data_set_of_a_checkpoint_may_be_named(capsys):
    assert cli.main(["flip", CHECKPOINT, "--data", "signs", "--bits", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == "signs"
