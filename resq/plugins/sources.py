"""What is not the project's own is made of: the files that it comes from, as they were run, or its code."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from resq.core import registries

Name = tuple[str, str]  # (kind of registry, name of a member)
FOR_PEOPLE = ("about", "present")  # fields of a member that decide no number


@dataclass(frozen=True)
class Source:
    """A plugin as it was run.

    Attributes:
        text: what its file held.
        hashes: SHA-256 of that file, and of the person's own modules that it imports, by their files.
    """

    text: str
    hashes: Mapping[Path, str]


_SOURCES: dict[Path, Source] = {}
_OWNERS: dict[Name, tuple[Any, Path]] = {}  # the member and the plugin that registered it


def members() -> dict[Name, Any]:
    """All members of registries that are not the project's own."""
    return {(kind, name): member for kind, name, member in registries.every_foreign()}


def note(file: Path, raw: bytes, before: Mapping[Name, Any]) -> None:
    """Notes what a plugin registered.

    Args:
        raw: what was run of it; ``before``: the ``members`` before it was run.
    """
    _SOURCES[file] = Source(raw.decode("utf-8", "replace"), {file: _sha(raw), **_imported(raw)})
    for name, member in members().items():
        if before.get(name) is not member:
            _OWNERS[name] = member, file


def edited(file: Path) -> bool:
    """Whether a plugin, or a module of its owner's that it imports, is another one than was run."""
    return any(_sha_of(path) != digest for path, digest in _SOURCES[file].hashes.items())


def digest(kind: str, name: str) -> str:
    """16 hex digits of what a member is made of; "" where it is the project's own, or there is none.

    Of a plugin that is its file's content, that of the modules of the person's own which it imports, and of
    the other plugins whose members it names; of a member without a file, its code and values.
    """
    foreign = registries.foreign(kind)
    if name not in foreign:
        return ""
    member, file = _OWNERS.get((kind, name), (None, Path()))
    return _of_files(file) if member is foreign[name] else _of_code(foreign[name])


def digests() -> dict[Name, str]:
    """The digest of every member that is not the project's own."""
    return {name: digest(*name) for name in members()}


def _of_files(file: Path) -> str:
    hashes = {one for plugin in _reached(file) for one in _SOURCES[plugin].hashes.values()}
    return _sha(" ".join(sorted(hashes)).encode())[:16]


def _reached(file: Path) -> set[Path]:
    """A plugin and those whose members it names, and so on."""
    reached, waiting = set(), [file]
    while waiting:
        here = waiting.pop()
        if here not in reached:
            reached.add(here)
            text = _SOURCES[here].text
            waiting += [
                owner for (_, name), (_, owner) in _OWNERS.items()
                if re.search(rf"[\"']{re.escape(name)}[\"']", text)
            ]  # fmt: skip
    return reached


def _of_code(member: Any) -> str:
    from resq.networks.identity import Gathered  # torch: only a member without a file needs it

    gathered = Gathered()
    if is_dataclass(member):  # of the project's own kind, whose class says nothing
        for field in fields(member):
            if field.name not in FOR_PEOPLE:
                gathered.say(field.name)
                gathered.value(getattr(member, field.name))
    gathered.value(member)
    return gathered.hexdigest()[:16]


def _imported(raw: bytes) -> dict[Path, str]:
    """SHA-256 of the files of a person's own modules that a text imports, and of those that these import."""
    hashes: dict[Path, str] = {}
    waiting = [raw]
    while waiting:
        for name in _names(waiting.pop()):
            for file in _files(name):
                if file not in hashes:
                    with suppress(OSError):
                        content = file.read_bytes()
                        hashes[file] = _sha(content)
                        waiting.append(content)
    return hashes


def _names(raw: bytes) -> set[str]:
    """The packages and modules that a text imports, by the first part of their names."""
    with suppress(SyntaxError, ValueError):
        nodes = list(ast.walk(ast.parse(raw)))
        plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        of = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
        return {name.partition(".")[0] for name in plain | of} - {""}
    return set()


def _files(module: str) -> Iterator[Path]:
    """The files of a person's own module or package; none of a library, whose version rows carry."""
    from resq.networks.identity import code_text

    if code_text.library(module):
        return
    spec = None
    with suppress(ImportError, ValueError, AttributeError):
        spec = getattr(sys.modules.get(module), "__spec__", None) or find_spec(module)
    if spec is None:
        return
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [file for place in places for file in sorted(place.rglob("*.py"))]
    files += [Path(spec.origin)] if spec.origin and not places else []
    yield from (file for file in files if not {"site-packages", "dist-packages"} & set(file.parts))


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _sha_of(file: Path) -> str:
    with suppress(OSError):
        return _sha(file.read_bytes())
    return ""
