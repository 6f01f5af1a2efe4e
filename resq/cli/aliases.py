"""Commands that were called otherwise: the old names still work, and say what they are called now."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from resq.core import commands

# Old name -> the words that stand in its place.
RENAMED: dict[str, tuple[str, ...]] = {
    "flow": ("confusion",),
    "replay": ("claims",),
    "zoo": ("train", "--all"),
    "surface": ("sweep", "--joint"),
}


def renewed(arguments: Sequence[str]) -> list[str]:
    """The words after ``python -m resq`` with an old command in its present name.

    >>> renewed(["surface", "signs/resnet20/base", "--eps", "0,8"])
    ['sweep', '--joint', 'signs/resnet20/base', '--eps', '0,8']
    >>> renewed(["show", "flow"])
    ['show', 'flow']
    """
    return [*RENAMED.get(arguments[0], arguments[:1]), *arguments[1:]] if arguments else []


def tell(arguments: Sequence[str]) -> None:
    """Says on standard error, in one line, what an old command is called now; nothing of a present one."""
    if arguments and arguments[0] in RENAMED:
        now = commands.line(RENAMED[arguments[0]])
        print(f"resq: {arguments[0]} is an old name; this command is now called: {now}", file=sys.stderr)
