"""A diagnosis: what somebody names as the cause, and what it is worth. No streamlit.

A whole diagnosis is worth 100 points; what the probes cost is taken off, and nobody falls below 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resq.measure.run.mystery import cases
from resq.measure.run.mystery.cases import Cause, Fault, Hack

CAUSE = 40  # of the 100 points in a case H: hacked or broken
BROKEN = {"layer": 40, "bit": 25, "kind": 15, "share": 20}  # of what is left
HACKED = {"budget": 65, "attack": 35}


@dataclass(frozen=True)
class Line:
    """One thing that is asked: what was named, what is, and the points for it."""

    asked: str
    named: str
    true: str
    points: int
    most: int


def score(case: cases.Case, named: Cause, true: Cause) -> list[Line]:
    """The points of a diagnosis, line by line; a share or a budget one step beside counts half.

    >>> from resq.measure.run.mystery.cases import Case
    >>> true = Fault("conv1.weight", 7, "flipped", 0.1)
    >>> [line.points for line in score(Case("F", 1), Fault("conv1.weight", 6, "flipped", 0.3), true)]
    [40, 0, 15, 10]
    """
    lines, rest = [], 100
    if case.letter == "H":
        rest = 100 - CAUSE
        lines.append(_line("hacked or broken", _cause(named), _cause(true), CAUSE))
    if isinstance(true, Fault):
        fault = named if isinstance(named, Fault) else None
        return [*lines, *_broken(fault, true, rest)]
    return [*lines, *_hacked(named if isinstance(named, Hack) else None, true, rest)]


def total(lines: Sequence[Line], spent: int) -> int:
    """What is left of the points after the probes; never below 0."""
    return max(0, sum(line.points for line in lines) - spent)


def _cause(cause: Cause) -> str:
    return "broken" if isinstance(cause, Fault) else "hacked"


def layer_name(layer: str) -> str:
    """A layer as people read it."""
    return layer.removesuffix(".weight")


def share_name(share: float) -> str:
    """A share of the words as people read it."""
    return f"{100 * share:g} % of the words"


def _broken(named: Fault | None, true: Fault, rest: int) -> list[Line]:
    most = {name: round(rest * points / 100) for name, points in BROKEN.items()}
    close = named is not None and _beside(cases.SHARES, named.share, true.share)
    return [
        _line("layer", layer_name(named.layer) if named else None, layer_name(true.layer), most["layer"]),
        _line("bit", str(named.bit) if named else None, str(true.bit), most["bit"]),
        _line("flipped or stuck", named.kind if named else None, true.kind, most["kind"]),
        _line("how many", share_name(named.share) if named else None, share_name(true.share), most["share"],
              close),
    ]  # fmt: skip


def _hacked(named: Hack | None, true: Hack, rest: int) -> list[Line]:
    most = {name: round(rest * points / 100) for name, points in HACKED.items()}
    close = named is not None and _beside(cases.BUDGETS, named.eps, true.eps)
    return [
        _line("how far", f"{named.eps}/255" if named else None, f"{true.eps}/255", most["budget"], close),
        _line("attack", named.attack.upper() if named else None, true.attack.upper(), most["attack"]),
    ]


def _beside(steps: Sequence[float], named: float, true: float) -> bool:
    return abs(steps.index(named) - steps.index(true)) == 1


def _line(asked: str, named: str | None, true: str, most: int, close: bool = False) -> Line:
    points = most if named == true else most // 2 if close else 0
    return Line(asked, named or "not named", true, points, most)


def written(named: Cause, layers: Sequence[str]) -> str:
    """A diagnosis as an address holds it; ``read`` reads it.

    >>> written(Hack("pgd", 4), []), written(Fault("a", 7, "stuck at 0", 0.1), ["a"])
    ('hacked.1.2', 'broken.0.7.1.1')
    """
    if isinstance(named, Hack):
        places = [cases.ATTACKS.index(named.attack), cases.BUDGETS.index(named.eps)]
    else:
        places = [layers.index(named.layer), named.bit, list(cases.KINDS).index(named.kind),
                  cases.SHARES.index(named.share)]  # fmt: skip
    return ".".join(map(str, [_cause(named), *places]))


def read(text: str, layers: Sequence[str], bits: int) -> Cause | None:
    """The diagnosis of an address; None where it holds none.

    >>> read("broken.0.7.1.2", ["a"], 8), read("broken.9.7.1.2", ["a"], 8), read("nonsense", ["a"], 8)
    (Fault(layer='a', bit=7, kind='stuck at 0', share=0.3), None, None)
    """
    word, *digits = text.split(".")
    if not all(d.isascii() and d.isdecimal() and len(d) < 5 for d in digits):
        return None
    places, ends = [int(d) for d in digits], {
        "hacked": [len(cases.ATTACKS), len(cases.BUDGETS)],
        "broken": [len(layers), bits, len(cases.KINDS), len(cases.SHARES)],
    }.get(word, [])  # fmt: skip
    if not ends or len(places) != len(ends) or any(p >= end for p, end in zip(places, ends, strict=True)):
        return None
    if word == "hacked":
        return Hack(cases.ATTACKS[places[0]], cases.BUDGETS[places[1]])
    return Fault(layers[places[0]], places[1], list(cases.KINDS)[places[2]], cases.SHARES[places[3]])
