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


def renewed(words: Sequence[str]) -> list[str]:
    """The words after ``python -m resq`` with an old command in its present name.

    >>> renewed(["surface", "signs/resnet20/base", "--eps", "0,8"])
    ['sweep', '--joint', 'signs/resnet20/base', '--eps', '0,8']
    >>> renewed(["show", "flow"])
    ['show', 'flow']
    """
    return [*RENAMED.get(words[0], words[:1]), *words[1:]] if words else []


def tell(words: Sequence[str]) -> None:
    """Says on standard error, in one line, what an old command is called now; nothing of a present one."""
    if words and words[0] in RENAMED:
        now = commands.line(RENAMED[words[0]])
        print(f"resq: {words[0]} is an old name; this command is now called: {now}", file=sys.stderr)
