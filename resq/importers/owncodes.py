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
    counts |= {"rounded": len(brought.rounded)} if brought.rounded else {}
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
    held = all(2 <= width <= 8 for width in bits.values())
    why = "some lie beyond these bits" if held else "words here have 2 to 8"
    return [f"{_named(bits)} came as integer codes of {_widths(bits)} bits, read as floats: {why}, so the "
            "flipped bits are not the file's"]  # fmt: skip


def rounded(bits: Mapping[str, int]) -> list[str]:
    """What is said of weights that the file itself rounds to codes, by name with the bits of these.

    >>> rounded({"conv.weight": 8, "fc.weight": 8})[0][:60]
    'conv.weight and 1 more came as floats, which the file rounds'
    """
    if not bits:
        return []
    return [f"{_named(bits)} came as floats, which the file rounds to codes of {_widths(bits)} bits whenever "
            "it runs: they are read as what they are rounded to"]  # fmt: skip


def _named(bits: Mapping[str, int]) -> str:
    """The first of some weights, and how many more there are."""
    return f"{next(iter(bits))} and {len(bits) - 1} more" if len(bits) > 1 else next(iter(bits))


def _widths(bits: Mapping[str, int]) -> str:
    return " and ".join(map(str, sorted(set(bits.values()))))


def sentences(card: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    codes = card.get("codes")
    if not codes:
        return []
    floats, widths = codes.get("rounded", 0), f"{codes['bits']} bits" if codes["bits"] else "several widths"
    came = f"{codes['layers']} of {codes['of']} layers {_came(floats, codes['layers'], widths)}"
    if not codes["bits"]:
        return [f"{came}, which one memory cannot hold: int8 is the default encoding"]
    shares = ", ".join(f"{name} {_percent(n, codes['words'])}" for name, n in codes["differ"].items())
    if "encoding" not in card:
        return [f"{came} and the others as floats: int8 is the default encoding, not the file's words"]
    default = card["encoding"]
    if default.startswith(IMPORTED):
        as_they = "are rounded" if floats else "came"
        what_stays = (
            f"so they are kept as they {as_they}"
            if min(codes["differ"].values())
            else "and the others as floats"
        )
        return [
            f"{came}; words that would differ: {shares}",
            f"{what_stays}: {default} is the default encoding",
        ]
    whose = "to which it rounds them" if floats else "of the file"
    return [f"{came}; {default} has the very words {whose} and is the default encoding (words that would "
            f"differ: {shares})"]  # fmt: skip


def _came(floats: int, layers: int, widths: str) -> str:
    """How the layers came, of which the file stores so many as floats."""
    if floats == layers:
        return f"came as floats that the file rounds to integer codes of {widths} when it runs"
    some = f", {floats} of them as floats that the file rounds to such when it runs" if floats else ""
    return f"came as integer codes of {widths}{some}"


def _percent(n: int, of: int) -> str:
    """A share in percent, none of it rounded to nothing."""
    share = 100 * n / of
    return "none" if not n else f"{share:.2g} %" if share < 10 else f"{share:.0f} %"
