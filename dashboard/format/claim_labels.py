"""A claim in one line, as people know it: network, point, figures, who says so, verdict. No streamlit."""

from __future__ import annotations

import re
from collections.abc import Mapping

from resq.claims.judged import EXCEEDED, MISSED, REPRODUCED, Verdict
from resq.claims.points import Cell
from resq.claims.registry import Claim

KINDS = {"paper": "paper", "blog": "blog", "other code": "code", "literature": "other papers"}
NAMES = {
    "resnet18": "ResNet18", "resnet20": "ResNet20", "resnet44": "ResNet44", "vgg11": "VGG11",
    "vgg16": "VGG16", "swin_t": "Swin-T", "efficientnet_b0": "EfficientNet-B0", "simplenet": "SimpleNet",
}  # fmt: skip


def network(name: str) -> str:
    """A network as papers write it; a name that is not known stays.

    >>> network("swin_t"), network("resnet18"), network("other")
    ('Swin-T', 'ResNet18', 'other')
    """
    return NAMES.get(name, name)


def authors(claim: Claim) -> str:
    """Surnames of the first authors of what the source cites, at most two; empty where it cites nothing."""
    surnames = [
        match.split(",")[0].strip() for match in re.findall(r"author\s*=\s*\{([^}]*)", claim.source.bibtex)
    ]
    return ", ".join(dict.fromkeys(surnames[:2]))


def figures(claim: Claim, book: Mapping[str, Claim]) -> str:
    """The quoted figure, after the one that it starts from where there is one."""
    start = book.get(claim.baseline)
    if claim.quoted is None:
        return "a sentence"
    unit = {"percentage points": "points"}.get(claim.unit, claim.unit)
    before = f"{start.quoted:g} → " if start is not None and start.quoted is not None else ""
    return f"{before}{claim.quoted:g} {unit}".strip()


def label(v: Verdict, book: Mapping[str, Claim]) -> str:
    """The line of a list, found by any of its words: a network at a rate by its figures, others as said."""
    claim = v.claim
    name = network(claim.network)
    if claim.source.label == "blog" and claim.ber:
        what = f"{name}, BER {claim.ber:g}: {figures(claim, book)}"
    else:
        known = name in NAMES.values() and _plain(name) not in _plain(claim.says)
        what = f"{name}, {claim.says}" if known else claim.says
    who = ", ".join(filter(None, [KINDS[claim.source.label], authors(claim)]))
    return f"{what} ({who}) · {v.verdict} · {claim.id}"


def _plain(text: str) -> str:
    """Letters and digits alone: ResNet-18 and ResNet18 are one network."""
    return re.sub("[^a-z0-9]", "", text.lower())


def reached(v: Verdict) -> str:
    """What the readings say of the quoted figure, in a sentence that agrees with the verdict."""
    quote = v.claim.quote
    good = [r for r in v.readings if r.verdict in (REPRODUCED, EXCEEDED)]
    named = "; ".join(r.reading.label for r in good)  # labels hold commas
    if v.claim.kind == "asymmetry" and v.readings and not v.answered:
        others = beside(v)
        also = f" Beside the claim: {others}." if others else ""
        return f"Of no study of the claim's networks a Lambda can be told.{also}"
    if all(r.value is None for r in v.readings):
        return f"Nothing is measured yet under a reading of {quote}."
    if not good and not any(r.verdict == MISSED for r in v.readings):
        return f"No measured reading can tell whether {quote} holds."
    if not good:
        return f"No measured reading that can tell agrees with {quote}."
    if v.verdict in (REPRODUCED, EXCEEDED):
        return f"Agreed with, or exceeded, by: {named}."
    unfit = [r for r in good if r.fits is False and r.base is not None]
    if unfit:
        falls = " and ".join(_falls(r.base) for r in unfit if r.base is not None)
        are = "reading agrees" if len(unfit) == 1 else "readings agree"
        return (
            f"{len(unfit)} {are} with {quote} or more ({named}), but there the unhardened network is right "
            f"on {falls}, which is not the figure that the claim starts from: so {v.verdict}."
        )
    return f"{quote} lies within what was measured for {named}; it decides nothing ({v.why}): {v.verdict}."


def beside(v: Verdict) -> str:
    """What studies of networks that the claim does not name have measured; "" where none has."""
    aside = [r for r in v.readings if r.reading.aside and (r.value is not None or r.alike)]
    return "; ".join(f"{r.reading.label}: {r.spell(v.claim)}" for r in aside)


def _falls(base: Cell) -> str:
    """What an unhardened network has under a reading, with its own interval."""
    span = f"{100 * base.low:.1f} to {100 * base.high:.1f}"
    return f"{100 * base.mean:.1f} % ({span}; {base.drawn}, n = {base.n:,})"


def tried(v: Verdict) -> str:
    """In how many ways the claim can be read, and what became of them."""
    there = [r for r in v.readings if r.value is not None or v.claim.kind == "asymmetry"]
    beside = sum(bool(r.reading.aside) for r in there)
    aside = f", {beside} of them for comparison alone" if beside else ""
    ways = "one way" if len(v.readings) == 1 else f"{len(v.readings)} ways"
    return f"It can be read in {ways}; {len(there)} measured{aside}."
