"""Public functions that take or give arrays say what shape or type of numbers these have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from resq.core.paths import ROOT

ARRAYS = re.compile(r"\b(ndarray|Tensor|NDArray|Floats|Batch)\b")
# A shape such as (N, classes) or (N,), or "scalar"; a type of numbers; a unit or a range of values.
SHAPE = re.compile(
    r"\((?:[A-Za-z0-9_*. ]+,\s*)+[^()]*\)|\bscalar\b|\bshapes?\b|\bof the same\b|\blike ``", re.I
)
TYPE = re.compile(
    r"u?int(8|16|32|64)|float(16|32|64)?\b|\bbool\b|\bbits?\b|\bbytes?\b|\bindices\b|\baddresses\b"
)
UNIT = re.compile(
    r"0\.\.1|\[0, 1\]|1/255|per ?cent|\blabels?\b|\blogits?\b|\bpixels?\b|\bseconds?\b|\bimages?\b"
)


def _functions(file: Path) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            about = ast.get_docstring(node) or ""
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner, about


def silent(file: Path) -> list[str]:
    """Public functions of a file that take or give arrays, and whose docstrings say nothing of them."""
    found, room = [], ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    for name, node, about in _functions(file):
        if name.split(".")[-1].startswith("_"):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        notes = [a.annotation for a in arguments] + [node.returns]
        if not any(note is not None and ARRAYS.search(ast.unparse(note)) for note in notes):
            continue
        said = f"{about}\n{ast.get_docstring(node) or ''}"
        # A file whose functions all take the same says it once, in a sentence that begins "Tensors".
        said += "".join(line for line in room.splitlines() if line.startswith("Tensors "))
        if not (SHAPE.search(said) or TYPE.search(said) or UNIT.search(said)):
            found.append(f"{file.name}:{node.lineno} {name}")
    return found


def test_a_function_of_arrays_says_their_shape_type_or_unit():
    assert [line for file in sorted((ROOT / "resq").rglob("*.py")) for line in silent(file)] == []


def test_the_check_sees_a_function_that_says_nothing(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("def f(x: np.ndarray) -> int:\n    '''How many there are.'''\n")
    assert silent(file) == ["x.py:1 f"]
    file.write_text("def f(x: np.ndarray) -> int:\n    '''How many there are; ``x`` is int64 (N,).'''\n")
    assert silent(file) == []
