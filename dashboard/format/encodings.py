"""Encodings in words: a name that lists layers says how many are protected. No streamlit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from resq.core import Encoding
from resq.core.errors import ResqError

EXACT = "exact name"  # the column of tables in which a name in words stands in full


def stored_as(name: str) -> str:
    """An encoding in words where its name lists layers; the exact name is on hover and in tables.

    >>> stored_as("int8+int4-tmr2@0-2.4-5.7-9.13"), stored_as("int4-tmr2")
    ('int8, 9 layers protected', 'int4-tmr2')
    >>> stored_as("int8-symmetric+int8@0"), stored_as("int8+int8-x9@0.7")
    ('int8-symmetric, 1 layer as int8', 'int8, 2 layers protected by 9 copies')
    """
    try:
        encoding = Encoding.parse(name)
    except ResqError:  # as a file stores it
        return name
    if encoding.other is None:
        return name
    count, other = len(encoding.apart), encoding.other
    layers = "1 layer" if count == 1 else f"{count} layers"
    if other.copies > encoding.copies:
        return f"{encoding.base}, {layers} protected by {other.copies} copies"
    return f"{encoding.base}, {layers} {'protected' if other.tmr > encoding.tmr else f'as {other}'}"


def told_apart(names: Iterable[str]) -> dict[str, str]:
    """Exact name -> words for a list of encodings; where two would read alike both keep their exact names.

    >>> told_apart(["int8+int4-tmr2@0", "int8+int4-tmr2@1", "int8+int4-tmr2@0-1"])["int8+int4-tmr2@1"]
    'int8+int4-tmr2@1'
    """
    in_words = {name: stored_as(name) for name in names}
    count = Counter(in_words.values())
    return {name: text if count[text] == 1 else name for name, text in in_words.items()}


def explained(names: Iterable[str]) -> str:
    """What exact names that list layers stand for, for the line below a box of them; "" where none does.

    >>> explained(["int8", "int8+int4-tmr2@0-2"])
    '`int8+int4-tmr2@0-2` is int8, 3 layers protected.'
    """
    in_words = {name: stored_as(name) for name in dict.fromkeys(names)}
    return " ".join(f"`{name}` is {text}." for name, text in in_words.items() if text != name)


def column(names: pd.Series) -> pd.Series:
    """A table's column of encodings in words, as ``told_apart`` gives them."""
    return names.map(told_apart(names.unique()))


def exact(names: pd.Series) -> dict[str, pd.Series]:
    """The column of exact names that stands behind such a table; none where words and names are the same."""
    return {} if (column(names) == names).all() else {EXACT: names}
