"""On how many images and fault maps the figures of a text rest, in one short sentence. No streamlit."""

from __future__ import annotations

import re
from collections.abc import Sequence

ONE = re.compile(
    r": (?:(?P<maps>\d+) maps(?: drawn at [\d.e-]+)?, )?the first (?P<images>[\d,]+) test images, seed "
)
PAIR = re.compile(
    r": paired on (?:(?P<maps>\d+) common fault maps and )?(?P<images>[\d,]+) common images"
    r"(?:; (?P<own>\d+ and \d+) maps of their own)?"
)
SEEDS = re.compile(r", seed (\d+(?: and \d+)*), weights")


def sentence(sources: Sequence[str]) -> str:
    """What the figures of a text rest on, each kind once; empty where it has none.

    Args:
        sources: of ``places.Filled``.

    >>> sentence(["a in int8, random, BER 0.01: 9 maps, the first 500 test images, seed 0, weights 12"])
    'Measured on 500 images, 9 fault maps; seed 0.'
    """
    matches = [match for source in sources if (match := PAIR.search(source) or ONE.search(source))]
    seeds = [match[1] for source in sources if (match := SEEDS.search(source))]
    kinds = "; ".join(dict.fromkeys(map(_kind, matches)))
    return f"Measured on {kinds}; seed {', '.join(dict.fromkeys(seeds))}." if matches else ""


def _kind(match: re.Match[str]) -> str:
    of = match.groupdict()
    maps = f", {of['maps']} fault maps" if of["maps"] else ""
    own = f", {of['own']} fault maps, not common ones" if of.get("own") else ""
    return f"{of['images']} images{maps}{own}"
