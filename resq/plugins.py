"""A person's own Python files that add to NETWORKS or DATASETS: from the command line, never uploaded."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from resq.core import DataSource
from resq.core.errors import ResqError

ENV = "RESQ_PLUGINS"  # files separated as in PATH: the processes that jobs start read it too

_loaded: set[Path] = set()


def load(names: Iterable[str] = ()) -> None:
    """Runs the plugins given and those of $RESQ_PLUGINS, each once, and names them all in $RESQ_PLUGINS.

    Raises:
        ValueError: a file that is missing, fails or registers something of the wrong kind; file and line.
    """
    files = [_file(name) for name in (*_of_environment(), *names)]
    for file in dict.fromkeys(files):
        if file not in _loaded:
            _run(file)
            _loaded.add(file)
    if files:
        os.environ[ENV] = os.pathsep.join(str(file) for file in dict.fromkeys(files))


def _of_environment() -> list[str]:
    return [part for part in os.environ.get(ENV, "").split(os.pathsep) if part]


def _file(name: str) -> Path:
    try:
        file = Path(name).expanduser().resolve()
        if file.suffix == ".py" and file.is_file():
            return file
    except (OSError, RuntimeError, ValueError):  # too long, nobody's home, a zero byte
        pass
    raise ResqError(f"no plugin at {name}; expected a Python file, such as mine.py")


def _run(file: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"resq_plugin_{file.stem}", file)
    assert spec and spec.loader  # it is a .py file
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses in it look themselves up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a person's own code may raise
        raise ResqError(f"plugin {file.name}, line {_line(error, file)}: {_what(error)}") from None
    _check(file)


def _line(error: BaseException, file: Path) -> int:
    """The last line of ``file`` on the way to the error."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno or 0
    own = [f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return own[-1] if own else 0


def _what(error: BaseException) -> str:
    message = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _check(file: Path) -> None:
    """Refuses members of another kind than the rest."""
    from resq.data import DATASETS
    from resq.networks import NETWORKS  # torch: only who has plugins pays for it

    for name, source in DATASETS.items():
        if not isinstance(source, DataSource):
            raise ResqError(
                f"plugin {file.name}: DATASETS[{name!r}] is a {type(source).__name__}; expected a DataSource"
            )
    for name, make in NETWORKS.items():
        if not callable(make):
            raise ResqError(
                f"plugin {file.name}: NETWORKS[{name!r}] is a {type(make).__name__}; "
                "expected a function classes -> nn.Module"
            )
