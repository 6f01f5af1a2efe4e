"""What a command loads before it answers: nothing that its answer does not need."""

import subprocess
import sys

import pytest

from resq import cli
from resq.attacks.gradient import ATTACKS
from resq.cli import abouts
from resq.core.paths import ROOT
from resq.measure.engine import activation_faults
from resq.networks import NETWORKS

HEAVY = {"torch", "torchvision", "pandas", "scipy", "pyarrow", "sqlalchemy", "streamlit", "plotly", "PIL"}
LOADED = """
import sys
from resq.cli import main
try:
    main({})
except SystemExit:
    pass
"""


def loaded(*words: str) -> set[str]:
    code = LOADED.format(list(words)) + "print('\\n' + ' '.join({m.split('.')[0] for m in sys.modules}))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(told.stdout.splitlines()[-1].split())


def test_help_loads_nothing_that_computes_or_draws():
    assert not loaded("--help") & HEAVY


@pytest.mark.parametrize("words", [["--version"], ["swep"]])
def test_neither_does_the_version_nor_a_command_that_there_is_not(words):
    assert not loaded(*words) & HEAVY


def test_show_loads_no_torch_and_nothing_that_draws():
    assert not loaded("show", "--json") & {"torch", "torchvision", "streamlit", "plotly", "sqlalchemy"}


def test_importing_the_package_loads_nothing_but_the_package():
    code = "import resq, sys; print(' '.join({m.split('.')[0] for m in sys.modules}))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(told.stdout.split()) & {*HEAVY, "numpy"}


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_what_a_command_is_said_to_do_is_its_modules_first_line(command):
    assert cli.about(command) == abouts.first_line(cli.module(command).__doc__)


def test_what_is_read_of_a_registry_is_what_it_says_when_it_is_loaded(monkeypatch):
    told = {("resq.networks", "NETWORKS"): NETWORKS, ("resq.attacks.gradient", "ATTACKS"): ATTACKS}
    for (module, name), members in told.items():
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, module)
            read = abouts.registry(module, name)
        assert read == {key: abouts.first_line(value.__doc__) for key, value in members.items()}
        assert all(read.values())
    said = abouts.first_line(activation_faults.faulty.__doc__)
    assert abouts.function("resq.measure.engine.activation_faults", "faulty") == said
