"""What Python code computes, as it is compiled, and which names of its surroundings it reads."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

# Packages whose code is known by their names; rows carry the versions of those that compute.
KNOWN = {"builtins", "torch", "torchvision", "torchaudio", "timm", "transformers", "numpy", "scipy", "resq"}


def library(module: str | None) -> bool:
    """Whether code of a module is known by its name alone."""
    top = (module or "builtins").partition(".")[0]
    return top in KNOWN or top in sys.stdlib_module_names


def installed(module: str | None) -> bool:
    """Whether a module is a library's or lies where packages are installed: nobody edits it in between."""
    file = getattr(sys.modules.get(module or ""), "__file__", None) or ""
    return library(module) or "site-packages" in file or "dist-packages" in file


def compiled(code: CodeType) -> Iterator[bytes | str | object]:
    """What decides what a piece of code does: instructions, names and constants, those within it too."""
    yield code.co_code
    yield f"{code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount} {code.co_flags}"
    yield from (*code.co_names, *code.co_freevars, *code.co_cellvars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from compiled(constant)
        else:
            yield (constant,)


@lru_cache(4096)
def _names(code: CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(global names, names of attributes) that a piece of code and what is defined in it read."""
    read = {str(i.argval) for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    attributes = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _names(constant)
            read, attributes = read.union(inner[0]), attributes.union(inner[1])
    return tuple(sorted(read)), tuple(sorted(attributes))


def surroundings(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function reads beside its arguments: defaults, what it closes over, globals, by name.

    Of a module of a person's own those of its names that the function mentions; a library's code reads none.
    """
    for where in (function.__defaults__, function.__kwdefaults__):
        if where:
            yield "defaults", where
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            if name != "__class__":
                yield name, cell.cell_contents
        except ValueError:  # a name that is not bound yet
            continue
    if installed(module_of(function)):
        return
    read, attributes = _names(function.__code__)
    for name in read:
        if name not in function.__globals__:
            continue
        value = function.__globals__[name]
        if not isinstance(value, ModuleType):
            yield name, value
        elif not installed(value.__name__):
            yield from ((f"{name}.{a}", vars(value)[a]) for a in attributes if a in vars(value))


def module_of(function: FunctionType) -> str:
    """Where a function's code stands; a decorated one itself names the module of what it wraps."""
    return str(function.__globals__.get("__name__", ""))


def plain_function(value: Any) -> FunctionType | None:
    """The function of a function, a bound, static or class method; None: it is none."""
    while isinstance(value, MethodType | staticmethod | classmethod):
        value = value.__func__
    return value if isinstance(value, FunctionType) else None
