"""What an import says of integer codes: which encoding has the very words of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resq.core import Encoding
from resq.core.encoding import IMPORTED
from resq.memory import own


def about(brought: Any) -> dict[str, Any]:
    """What the card says of a file's own codes, and the encoding that the checkpoint is opened in by default.

    An empty dict where no weight came as codes of at most 8 bits.
    """
    if not brought.codes:
        return {}
    bits, layers = own.bits_of(brought.codes), len(brought.weights)
    differ, n_words = own.differing(brought.codes), sum(q.words.size for q in brought.codes.values())
    counts = {"layers": len(brought.codes), "of": layers, "bits": bits, "words": n_words, "differ": differ}
    exact = [name for name, count in differ.items() if not count]
    whole = len(brought.codes) == layers
    if not bits or (not whole and bits < 8):  # the rest would be rounded to so few bits, or has other widths
        return {"codes": counts}
    default = exact[0] if exact and whole else str(Encoding(bits, IMPORTED))
    return {"encoding": default, "codes": counts}


def unkept(bits: Mapping[str, int]) -> list[str]:
    """What is said of weights that came as codes which no stored word here holds, by name with their bits.

    >>> unkept({"fc.weight": 16})[0][:58]
    'fc.weight came as integer codes of 16 bits, read as floats'
    """
    if not bits:
        return []
    first, more = next(iter(bits)), f" and {len(bits) - 1} more" if len(bits) > 1 else ""
    widths = " and ".join(map(str, sorted(set(bits.values()))))
    held = all(2 <= width <= 8 for width in bits.values())
    why = "some lie beyond these bits" if held else "words here have 2 to 8"
    return [f"{first}{more} came as integer codes of {widths} bits, read as floats: {why}, so the flipped "
            "bits are not the file's"]  # fmt: skip


def sentences(card: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    codes = card.get("codes")
    if not codes:
        return []
    came = f"{codes['layers']} of {codes['of']} layers came as integer codes"
    if not codes["bits"]:
        return [f"{came} of several widths, which one memory cannot hold: int8 is the default encoding"]
    came += f" of {codes['bits']} bits"
    shares = ", ".join(f"{name} {_percent(n, codes['words'])}" for name, n in codes["differ"].items())
    if "encoding" not in card:
        return [f"{came} and the others as floats: int8 is the default encoding, not the file's words"]
    default = card["encoding"]
    if default.startswith(IMPORTED):
        what_stays = (
            "so they are kept as they came" if min(codes["differ"].values()) else "and the others as floats"
        )
        return [
            f"{came}; words that would differ: {shares}",
            f"{what_stays}: {default} is the default encoding",
        ]
    return [f"{came}; {default} has the very words of the file and is the default encoding (words that would "
            f"differ: {shares})"]  # fmt: skip


def _percent(n: int, of: int) -> str:
    """A share in percent, none of it rounded to nothing."""
    share = 100 * n / of
    return "none" if not n else f"{share:.2g} %" if share < 10 else f"{share:.0f} %"
