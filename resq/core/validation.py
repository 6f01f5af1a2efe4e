"""Checks by name and type of what people write into TOML files and options."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from resq.core.errors import ResqError

T = TypeVar("T")

KINDS: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}


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
    except (
        OSError,
        ValueError,
    ) as error:  # ValueError: other letters than UTF-8's, or a zero byte in the name
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


def reject_unknown(given: Collection[str], names: Collection[str], where: str, what: str) -> None:
    """Nothing, where every given field is one that ``what`` has; ``where`` names the file.

    Raises:
        ValueError: one is not.
    """
    if unknown := sorted(set(given) - set(names)):
        raise ResqError(f"{where} has {', '.join(unknown)}; {what} has {', '.join(names)}")


def check_types(value: Any, what: str) -> None:
    """Nothing, where every field of a frozen value holds what its annotation says; for ``__post_init__``.

    Whole numbers fit fields of floats; NaN, infinity and numbers beyond 64 bits fit none.

    Raises:
        ValueError: a field of another type.

    >>> check_types(dataclasses.make_dataclass("A", [("n", "int")])(True), "test")
    Traceback (most recent call last):
    resq.core.errors.ResqError: a test's n is a int, got True
    """
    for field in dataclasses.fields(value):
        given, kind = getattr(value, field.name), str(field.type)
        inner = kind.removeprefix("tuple[").removesuffix(", ...]")
        if inner not in KINDS:
            continue  # a value that checks itself
        if inner == kind and not _fits(given, kind):
            raise ResqError(f"a {what}'s {field.name} is a {kind}, got {given!r}")
        if inner != kind and not isinstance(given, tuple):
            raise ResqError(f"a {what}'s {field.name} is a list, got {given!r}")
        if inner != kind and (wrong := [item for item in given if not _fits(item, inner)]):
            raise ResqError(f"a {what}'s {field.name} cannot hold {wrong[0]!r}")


def _fits(value: Any, kind: str) -> bool:
    if not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "bool"):
        return False
    return not isinstance(value, int | float) or (abs(value) < 2**63 and math.isfinite(value))
