"""Identifiers are the field's terms: words that could mean anything name nothing in resq/ and dashboard/."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "resq").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")])
# What each of these stood for before: rows, records, matches, masks, sentences, options, entries, tensors ...
REFUSED = {"found", "said", "told", "kept", "lately", "nearby"}
# The key of a JSON object that commands print.
PRINTED = {("resq/deployed/twin/check.py", "said"), ("resq/cli/twin.py", "said")}


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a file binds or uses, parameters, attributes, functions and classes, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.arg, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, line
        elif isinstance(node, ast.alias):
            yield node.asname or node.name, line


def test_words_that_could_mean_anything_name_nothing():
    uses = [
        f"{place}:{line} {name}: say what it is, such as rows, matches, mask, message, entry"
        for file in SOURCES
        for name, line in identifiers(ast.parse(file.read_text(encoding="utf-8")))
        if name in REFUSED and ((place := file.relative_to(ROOT).as_posix()), name) not in PRINTED
    ]
    assert uses == []


def test_an_identifier_is_seen_wherever_it_stands_and_a_sentence_is_none():
    code = "from a import b as kept\ndef said(told): found = x.found(lately=f'{nearby}')  # found\n'kept'"
    names = [name for name, _ in identifiers(ast.parse(code)) if name in REFUSED]
    assert sorted(names) == ["found", "found", "kept", "lately", "nearby", "said", "told"]
