"""A person's own Python files that add to NETWORKS or DATASETS: from the command line, never uploaded.

What they add is told from the project's own by what it is made of (``sources``): a plugin that was corrected
is another one, whose rows are measured anew.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from resq.core import DataSource, registries
from resq.core.errors import ResqError
from resq.plugins import sources

ENV = "RESQ_PLUGINS"  # files separated as in PATH: the processes that jobs start read it too

_loaded: set[Path] = set()


def load(names: Iterable[str] = ()) -> None:
    """Runs the plugins given and those of $RESQ_PLUGINS, each once, and names them all in $RESQ_PLUGINS.

    Raises:
        ValueError: a file that is missing, fails, registers something of the wrong kind or under a name of
            the project's own, file and line; or one that was edited after this process had run it.
    """
    files = [_file(name) for name in (*_of_environment(), *names)]
    for file in dict.fromkeys(files):
        if file in _loaded:
            _check_unchanged(file)
        else:
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


def _check_unchanged(file: Path) -> None:
    """Refuses a file that is not the one that was run: a job would read another now."""
    if sources.edited(file):
        raise ResqError(
            f"plugin {file.name} was edited after this process had read it: start it anew, so that pages and "
            "jobs compute with the same plugin"
        )


def _run(file: Path) -> None:
    loader = SourceFileLoader(f"resq_plugin_{file.stem}", str(file))
    spec = spec_from_loader(loader.name, loader)
    assert spec  # it is a .py file
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses in it look themselves up there
    before = sources.members()
    try:
        # What is run is what is hashed: the compiled code that Python keeps may be of a second before.
        raw = file.read_bytes()
        exec(loader.source_to_code(raw, str(file)), module.__dict__)
    except (Exception, SystemExit) as error:  # whatever a person's own code may raise
        raise ResqError(f"plugin {file.name}, line {_line(error, file)}: {_what(error)}") from None
    _check(file)
    sources.note(file, raw, before)


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
    """Refuses members of another kind than the rest, and those in the place of one of the project's own."""
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
    for kind, name, _ in list(registries.every_foreign()):
        if registries.ours(kind, name):
            registries.put_back(kind, name)
            raise ResqError(
                f"plugin {file.name} puts its own in the place of {kind} {name!r}, of which shipped rows "
                "are; give it another name"
            )
