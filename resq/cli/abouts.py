"""What the members of a registry do, from the text of their files: listing networks loads no torch."""

from __future__ import annotations

import ast
import importlib
import sys
from functools import cache
from pathlib import Path

import resq


def registry(module: str, name: str) -> dict[str, str]:
    """Member -> the first line of its docstring, of a dict ``name`` whose members are functions.

    Where the module is loaded already, as plugins do that add to it, the dict itself is asked.

    >>> registry("resq.memory.faults", "FAULTS")["random"]
    'Every bit flips independently with probability ``rate``; the count is binomial.'
    """
    if module in sys.modules:
        return {key: first_line(value.__doc__) for key, value in vars(sys.modules[module])[name].items()}
    for node in _tree(module).body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)):
            continue
        if isinstance(node.target, ast.Name) and node.target.id == name:
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {
                ast.literal_eval(k): _about(module, v.id) for k, v in pairs if k and isinstance(v, ast.Name)
            }
    members = vars(importlib.import_module(module))[name]  # it is written in another way
    return {key: first_line(value.__doc__) for key, value in members.items()}


def function(module: str, name: str) -> str:
    """The first line of a function's docstring."""
    return _about(module, name)


def first_line(docstring: str | None) -> str:
    """What a docstring begins with."""
    return next(iter((docstring or "").strip().splitlines()), "")


@cache
def _tree(module: str) -> ast.Module:
    # By its path: to look for a module by name would load the packages that it lies in.
    path = Path(resq.__file__).parent.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _about(module: str, name: str) -> str:
    """The docstring's first line of a function that is defined in a module, or imported into it."""
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return first_line(ast.get_docstring(node))
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and name in {a.asname or a.name for a in node.names}
        ):
            original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
            return _about(node.module, original)
    return ""
