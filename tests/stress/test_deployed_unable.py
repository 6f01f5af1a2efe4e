"""What a command says of a deployed file that it cannot take: one true sentence, before anything is run."""

import pytest

from resq.cli import main
from stress import tiny


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return str(tiny.onnx_file(tmp_path_factory.mktemp("net") / "tiny.onnx"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["confusion"], "sweep FILE --data NAME --metric sdc1"),
        (["card"], "the protocol of a card needs gradients"),
        (["harden"], "training needs gradients of a network in floats"),
        (["asymmetry"], "hardened versions that this lab trains"),
        (["train"], "never trained"),
        (["train", "--all", "--only"], "never trained"),
        (["show"], "inspect FILE says what is in it"),
        (["claims"], "claims are about networks of this lab"),
    ],
)
def test_a_command_that_takes_no_deployed_file_says_what_does(file, own_folders, capsys, command, said):
    assert main([*command, file]) == 2
    error = capsys.readouterr().err
    assert f"{command[0]} does not take a deployed file" in error
    assert said in error
    assert error.count("\n") == 1


def test_a_report_of_a_file_without_rows_says_how_to_measure_it(file, own_folders, capsys):
    assert main(["report", file, "--out", str(own_folders / "r.html")]) == 2
    error = capsys.readouterr().err
    assert "no rows of tiny@" in error
    assert "measures it and keeps its rows" in error
