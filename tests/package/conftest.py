"""A wheel built from this clone and installed into an environment of its own, far from the clone."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from resq.core.paths import ROOT

# Set by ``make cleanroom``: the libraries are installed too, from the package index. Else the environment
# borrows those that run this test, which takes seconds; the wheel itself is installed the same way.
WHOLE = os.environ.get("RESQ_CLEAN_ROOM") == "whole"
PARTS = (
    "resq",
    "dashboard",
    "assets/results",
    "assets/claims",
    "assets/specs",
    "assets/cards",
    "assets/weights",
)
FILES = (
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
    "CITATION.cff",
    "assets/MANIFEST.json",
)


@dataclass(frozen=True)
class Room:
    """The environment, and a folder that is not the clone's."""

    python: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables without a word of the clone."""
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "RESQ_PLUGINS", "RESQ_STORE")}
        own = {"RESQ_WORK": str(self.folder / "work"), "OMP_NUM_THREADS": "1"}
        return {**kept, **own, "XDG_DATA_HOME": str(self.folder / "data")}

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment by name, in the folder."""
        program = [str(self.python.with_name(words[0])), *words[1:]]
        ended = subprocess.run(program, cwd=self.folder, env=self.environment, capture_output=True, text=True,
                               timeout=280, check=False)  # fmt: skip
        assert ended.returncode == code, ended.stderr[-2000:]
        return ended


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building writes beside its sources."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    leave = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=leave)
    for file in FILES:
        shutil.copy(ROOT / file, source / file)
    pip(sys.executable, "wheel", "-q", "--no-deps", *ALONE, "-w", str(out), str(source))
    return next(out.glob("*.whl"))


# Building borrows the setuptools that is here, unless all comes from the index.
ALONE = () if WHOLE else ("--no-build-isolation",)


def pip(python: str, *words: str) -> None:
    ended = subprocess.run([sys.executable, "-m", "pip", "--python", python, *words], capture_output=True,
                           text=True, timeout=1500, check=False)  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]


@pytest.fixture(scope="session")
def room(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """The clean room."""
    folder = tmp_path_factory.mktemp("room")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    if WHOLE:
        pip(str(python), "install", "-q", "-c", str(ROOT / "requirements.txt"), f"{wheel}[dashboard]")
    else:
        pip(str(python), "install", "-q", "--no-deps", str(wheel))
        purelib = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                                 capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
        (Path(purelib) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (folder / "elsewhere").mkdir()
    return Room(python, folder / "elsewhere")


@pytest.fixture(scope="session")
def told(room: Room) -> Callable[[str], str]:
    """Runs Python in the clean room and gives what it printed."""
    return lambda code: room.run("python", "-c", code).stdout.strip()
