"""A few hundred of the hostile inputs of ``make fuzz``, and the guard that would see an escape."""

import os
import subprocess
from pathlib import Path

import pytest

from stress import fuzz, hostile
from stress.harness import audit_hook

FEW = 25


@pytest.mark.parametrize("name", [name for name in fuzz.TARGETS if name != "pages"])
def test_hostile_input_is_refused_in_a_sentence_and_touches_nothing(name, own_folders, tmp_path):
    found = fuzz.fuzz(fuzz.TARGETS[name], FEW, tmp_path)
    assert found.inputs >= FEW // 2
    assert not found.crashes
    assert not found.escapes


def test_a_crash_is_found_and_told_with_its_place(tmp_path):
    def broken(folder: Path, text: str) -> str:
        return text[5]

    found = fuzz.fuzz(fuzz.Target(lambda _: hostile.TEXT, broken, 1), 20, tmp_path)
    assert found.crashes
    assert "IndexError" in found.crashes[0]
    assert "test_fuzz.py" in found.crashes[0]


def test_code_that_runs_is_found(tmp_path):
    import pickle

    target = fuzz.Target(lambda file: hostile.pickles(file), lambda folder, raw: pickle.loads(raw), 1)
    found = fuzz.fuzz(target, 5, tmp_path)
    assert any("code was run" in escape for escape in found.escapes)


@pytest.mark.parametrize("escape", [
    lambda p: Path("/etc/passwd").read_text(), lambda p: os.open("/etc/hosts", os.O_RDONLY),
    lambda p: subprocess.run(["true"], check=True), lambda p: (p.parent / "beside").write_text("x"),
    lambda p: (p / ".." / "beside").touch(), lambda p: (p.parent / "dir").mkdir(),
])  # fmt: skip
def test_the_guard_sees(escape, tmp_path):
    inside = tmp_path / "work"
    inside.mkdir()
    with audit_hook.watched(inside) as seen:
        escape(inside)
    assert seen


def test_the_guard_lets_a_process_work_in_its_folder(tmp_path):
    with audit_hook.watched(tmp_path) as seen:
        (tmp_path / "own").write_text("x")
        assert (tmp_path / "own").read_text() == "x"
        (tmp_path / "own").unlink()
    assert not seen
    (tmp_path.parent / "after").touch()
    assert not seen
