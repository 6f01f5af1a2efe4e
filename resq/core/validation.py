"""Checks by name and type of what people write into TOML files and options."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from resq.core.errors import ResqError

T = TypeVar("T")


def lookup(kind: str, name: str, table: Mapping[str, T]) -> T:
    """``table[name]``, or a sentence that says what came and what there is.

    >>> lookup("fault model", "sgn", {"random": 1, "sign": 2})
    Traceback (most recent call last):
    resq.core.errors.ResqError: no fault model 'sgn'; known: random, sign
    """
    if name not in table:
        raise ResqError(f"no {kind} {name!r}; known: {', '.join(sorted(table))}")
    return table[name]


def read_toml(file: Path, what: str) -> dict[str, Any]:
    """The fields of a TOML file.

    Args:
        what: what the file should be, for the sentence.

    Raises:
        ValueError: it cannot be read, or is not TOML.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a zero byte in the name
        raise ResqError(f"{file} is not a readable TOML {what}: {error}") from None
    return parse_toml(text, f"{file} is not a readable TOML {what}")


def parse_toml(text: str, wrong: str) -> dict[str, Any]:
    """The fields of a TOML text.

    Raises:
        ValueError: not TOML; the sentence begins with ``wrong``.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResqError(f"{wrong}: {error}") from None


def check_tables(value: Any, where: str) -> list[dict[str, Any]]:
    """The tables of a list such as [[stage]].

    Raises:
        ValueError: it is no list of tables.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ResqError(f"{where} must be tables in [[double brackets]], got {value!r}")
    return value


def reject_unknown(fields: Collection[str], names: Collection[str], where: str, what: str) -> None:
    """Nothing, where every given field is one that ``what`` has; ``where`` names the file.

    Raises:
        ValueError: one is not.
    """
    if unknown := sorted(set(fields) - set(names)):
        raise ResqError(f"{where} has {', '.join(unknown)}; {what} has {', '.join(names)}")


def build(kind: type[T], entries: Any, where: str, what: str) -> T:
    """A frozen value from a TOML table, every field checked by name and type; lists become tuples.

    Numbers stay as they were written: a hash of 1 is not that of 1.0.

    Args:
        kind: a dataclass; it may check itself further in ``__post_init__``.
        entries: the table.
        where: names the file and the place in it, for the sentence.
        what: what ``kind`` is in words, such as "a recipe".

    Raises:
        ResqError: no table, an unknown or a missing field, or one of another type; the sentence names it.
    """
    return kind(**checked(kind, entries, where, what))


def checked(kind: type[T], entries: Any, where: str, what: str) -> dict[str, Any]:
    """The fields of a frozen value from a TOML table, for who adds a place to what the value itself refuses.

    Arguments and errors as of ``build``.
    """
    if not isinstance(entries, dict):
        raise ResqError(f"{where} must be a table, got {entries!r}")
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    reject_unknown(entries, list(known), where, what)
    lacking = [name for name, field in known.items() if name not in entries and _needed(field)]
    if lacking:
        raise ResqError(f"{where} lacks {' and '.join(lacking)}; {what} has {', '.join(known)}")
    hints = _hints(kind)  # type: ignore[arg-type]
    for name, value in entries.items():
        check_type(f"{where}: {name}", value, hints[name])
    return {name: tuple(v) if _is_list(hints[name], v) else v for name, v in entries.items()}


def _needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _is_list(hint: Any, value: Any) -> bool:
    return get_origin(hint) is tuple and isinstance(value, list)


def check_types(value: Any, what: str) -> None:
    """Nothing, where every field of a frozen value holds what its annotation says; for ``__post_init__``.

    Whole numbers fit fields of floats; NaN, infinity and numbers beyond 64 bits fit none.

    Raises:
        ResqError: a field of another type.

    >>> check_types(dataclasses.make_dataclass("A", [("n", "int")])(True), "test")
    Traceback (most recent call last):
    resq.core.errors.ResqError: a test's n is a int, got True
    """
    hints = _hints(type(value))  # type: ignore[arg-type]
    for field in dataclasses.fields(value):
        entry, hint = getattr(value, field.name), hints[field.name]
        if get_origin(hint) is tuple and isinstance(entry, list):
            raise ResqError(f"a {what}'s {field.name} is a tuple, got the list {entry!r}")
        check_type(f"a {what}'s {field.name}", entry, hint)


def check_type(name: str, value: Any, hint: Any, like: str = "") -> None:
    """Nothing, where ``value`` has the type of the annotation, as msgspec converts.

    Annotations of other classes are passed over: such values check themselves.

    Args:
        name: begins the sentence.
        like: follows the type's name in the sentence, such as an example.

    Raises:
        ResqError: of another type, not finite, or beyond 64 bits.
    """
    if not _plain(hint):
        return
    inner = get_args(hint)[0] if get_origin(hint) is tuple else None
    if inner is None:
        if not _fits(value, hint):
            raise ResqError(f"{name} is a {_spelled(hint)}{like}, got {value!r}")
        return
    if not isinstance(value, list | tuple):
        raise ResqError(f"{name} is a list, got {value!r}")
    if wrong := [item for item in value if not _fits(item, inner)]:
        raise ResqError(f"{name} cannot hold {wrong[0]!r}")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _plain(hint: Any) -> bool:
    """Whether an annotation is of strings, numbers and booleans, or of a tuple of such."""
    parts = [part for part in get_args(hint) if part not in (Ellipsis, NoneType)]
    return all(map(_plain, parts)) if parts else hint in (str, int, float, bool)


def _spelled(hint: Any) -> str:
    parts = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    return " or ".join(part.__name__ for part in parts)


def _fits(value: Any, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return not isinstance(value, int | float) or (abs(value) < 2**63 and math.isfinite(value))
