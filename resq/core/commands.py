"""How a command is written for a terminal: every word quoted, every number as it is."""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def line(arguments: Iterable[str]) -> str:
    """The command that runs these words after ``python -m resq``, as a shell wants it.

    >>> line(["sweep", "my nets/a.safetensors", "--layers", "layer1.*"])
    "python -m resq sweep 'my nets/a.safetensors' --layers 'layer1.*'"
    """
    return shlex.join(["python", "-m", "resq", *arguments])


def number(value: float) -> str:
    """The number in as few digits as read back as the very same one.

    >>> number(1e-4), number(8.0), number(0.00012345678), number(3)
    ('0.0001', '8', '0.00012345678', '3')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def listed(values: Iterable[object]) -> str:
    """Values with commas between them, numbers as ``number`` writes them.

    >>> listed((0.0, 0.00012345678)), listed(("a", "b"))
    ('0,0.00012345678', 'a,b')
    """
    return ",".join(number(value) if isinstance(value, float) else str(value) for value in values)
