"""The figures that others quote, each with its source and what is unknown; read from TOML, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from resq.core import Encoding, lookup, validation
from resq.core.errors import ResqError
from resq.core.paths import ASSETS
from resq.memory import faults

CLAIMS = ASSETS / "claims"
LABELS = {
    "paper": "the paper's title page and abstract",
    "blog": "a text about the paper",
    "other code": "other code of the same authors",
    "literature": "other papers",
}
KINDS = {
    "accuracy": "share of images right at one point",
    "gain": "accuracy of a hardened network less that of the base",
    "asymmetry": "whether one resilience brings the other",
    "flips": "chosen flips until the network guesses",
}
UNITS = ("%", "% error", "percentage points", "flips", "")
AIMS = {"at least": "more is better", "equal": "the figure itself"}
MARGIN = 2.0  # percentage points; what a measured figure may differ by and still be the quoted one
T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """Who says so.

    Attributes:
        label: which kind of source, a key of LABELS.
        bibtex: entries to cite; empty where there is nothing to cite.
        url: where it can be read, https; empty where no address is known.
    """

    label: str
    name: str
    bibtex: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        lookup("kind of source", self.label, LABELS)
        if self.url and not self.url.startswith("https://"):
            raise ResqError(f"a source's url begins with https://, got {self.url}")


@dataclass(frozen=True)
class Reading:
    """One way in which a claim's open conditions could be meant: which measured cells then answer it.

    Attributes:
        encodings: how weights may be stored, the first one measured counts.
        hardened: the same for hardened networks, whose protection is part of the claim; () means alike.
        ber: a rate instead of the claim's; ``scale`` times the claim's rate otherwise.
        eps: budget in 1/255; None: this reading is under faults, not under attack.
        steps, restarts: of the attack; 0 means any.
        network: the checkpoint that answers instead of the claim's; empty: the claim's.
        code: of a gain: the words that the base is compared in; empty: those of the hardened network. For
            what words alone give, with the base itself as ``network``.
        aside: why the reading is shown beside the others and decides nothing; empty: it is judged.
    """

    label: str
    encodings: tuple[str, ...]
    hardened: tuple[str, ...] = ()
    fault: str = "random"
    ber: float | None = None
    scale: float = 1.0
    attack: str = ""
    eps: float | None = None
    steps: int = 0
    restarts: int = 0
    network: str = ""
    code: str = ""
    aside: str = ""

    def __post_init__(self) -> None:
        for name in (*self.encodings, *self.hardened, *filter(None, [self.code])):
            Encoding.parse(name)
        lookup("fault model", self.fault, faults.FAULTS)


@dataclass(frozen=True)
class Claim:
    """One quoted figure.

    Attributes:
        says: the quantity in the source's words.
        quoted: the figure in ``unit``; None where the claim is a sentence.
        aim: "at least": a larger measured value exceeds it; "equal": it is the figure itself that is claimed.
        ber: bit error rate of the claim; readings may mean another.
        networks: checkpoints that may answer it, the first one measured counts.
        base: the network that a gain is counted from.
        baseline: the claim whose figure this one starts from: a reading must fit both.
        other: why nothing here is under the claim's conditions; empty where something may be.
        open: what the source leaves open so that no figure can meet or miss it, such as its unit; empty where
            it can be judged. What was measured is then shown beside it.
        margin: percentage points by which a measured figure may differ and still be the quoted one.
        whole: the claim is on the whole test split, so are the cells that answer it, and images are no noise.
    """

    id: str
    source: Source
    kind: str
    says: str
    quoted: float | None = None
    unit: str = "%"
    aim: str = "at least"
    network: str = ""
    data: str = ""
    ber: float = 0.0
    networks: tuple[str, ...] = ()
    base: str = ""
    baseline: str = ""
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    other: str = ""
    open: str = ""
    margin: float = MARGIN
    whole: bool = False
    readings: tuple[Reading, ...] = ()

    def __post_init__(self) -> None:
        lookup("kind of claim", self.kind, KINDS)
        lookup("unit", self.unit, dict.fromkeys(UNITS))
        lookup("aim", self.aim, AIMS)
        if (self.quoted is None) != (self.kind == "asymmetry"):
            raise ResqError("a figure must be quoted, except for an asymmetry")
        faults.check_rate(self.ber)
        if not 0 < self.margin < 100:
            raise ResqError(f"a margin is in percentage points, above 0 and below 100, got {self.margin:g}")
        menu = [name.strip() for name in self.data.split(",")]
        if strangers := [
            n for n in (*self.networks, *filter(None, [self.base])) if n.split("/")[0] not in menu
        ]:
            raise ResqError(f"{strangers[0]} is not on the claim's menu of data sets, {self.data or 'none'}")

    @property
    def value(self) -> float | None:
        """The figure as a share 0..1 where it is a percentage (an error as the accuracy it leaves)."""
        if self.quoted is None or self.unit == "flips":
            return self.quoted
        share = 1 - self.quoted / 100 if self.unit == "% error" else self.quoted / 100
        return round(share, 6)

    def spell(self, share: float, low: float | None = None, high: float | None = None) -> str:
        """A measured share in the claim's own unit, with its interval where given."""

        def spelled(value: float) -> str:
            return f"{100 * (1 - value if self.unit == '% error' else value):.2f}"

        if self.kind == "asymmetry":
            span = f" ({low:.2f} to {high:.2f})" if low is not None and high is not None else ""
            return f"Λ = {share:.2f}{span}"
        if low is None or high is None:
            return f"{spelled(share)} {self.unit}"
        if self.whole and low == high:  # without faults the whole test split leaves nothing to chance
            return f"{spelled(share)} {self.unit} (of the whole test split)"
        ends = (high, low) if self.unit == "% error" else (low, high)
        return f"{spelled(share)} {self.unit} ({spelled(ends[0])} to {spelled(ends[1])})"

    @property
    def quote(self) -> str:
        """The figure as the source writes it: of a gain whose unit it leaves open, in percent."""
        if self.quoted is None:
            return "a sentence"
        unit = "%" if self.kind == "gain" and self.open else self.unit
        return f"{self.quoted:g} {unit}" if unit == "flips" else f"{self.quoted:.2f} {unit}"


def load(folder: Path | None = None) -> dict[str, Claim]:
    """All claims of a folder by id, the paper's own first.

    Raises:
        ValueError: a file that cannot be used; one sentence names the file, the claim and what is wrong.
    """
    book: dict[str, Claim] = {}
    for file in sorted((folder or CLAIMS).glob("*.toml")):
        for claim in read(file):
            if claim.id in book:
                raise ResqError(f"{file.name}: there are two claims with the id {claim.id!r}")
            book[claim.id] = claim
    order = list(LABELS)
    book = dict(sorted(book.items(), key=lambda item: order.index(item[1].source.label)))
    for claim in book.values():
        if claim.baseline and claim.baseline not in book:
            raise ResqError(f"claim {claim.id!r} starts from {claim.baseline!r}, which is no claim")
    return book


def read(file: Path) -> list[Claim]:
    """The claims of one file; those with ``points`` stand for one claim per point.

    Raises:
        ValueError: not TOML, an unknown or missing field, or a value out of range.
    """
    contents = validation.read_toml(file, "file of claims")
    unknown = sorted(set(contents) - {"source", "readings", "defaults", "claim"})
    if unknown or not {"source", "claim"} <= set(contents):
        spelled = f"has {', '.join(unknown)}" if unknown else "lacks a source or its claims"
        raise ResqError(f"{file.name} {spelled}; expected source, readings, defaults, claim")
    source = _make(Source, contents["source"], f"{file.name}: source")
    readings = {
        key: _make(Reading, value, f"{file.name}: reading {key!r}")
        for key, value in contents.get("readings", {}).items()
    }
    points = [p for claim in contents["claim"] for p in _points({**contents.get("defaults", {}), **claim})]
    return [_claim(point, source, readings, file.name) for point in points]


def _points(claim: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """A claim with ``points`` as one claim for each, its id the two joined."""
    shared = {key: value for key, value in claim.items() if key != "points"}
    if "points" not in claim:
        return [shared]
    return [
        {**shared, **point, "id": f"{claim.get('id', '')}-{point.get('id', '')}"} for point in claim["points"]
    ]


def _claim(entry: dict[str, Any], source: Source, readings: Mapping[str, Reading], file: str) -> Claim:
    where = f"{file}: claim {entry.get('id', 'without an id')!r}"
    try:
        meant = [lookup("reading", key, readings) for key in entry.get("readings", [])]
    except ValueError as error:
        raise ResqError(f"{where}: {error}") from None
    return _make(Claim, {**entry, "source": source, "readings": meant}, where)


def _make(kind: type[T], entry: Any, where: str) -> T:
    """A frozen value from a TOML table; the sentence about a wrong value says in which file and claim."""
    fields = validation.checked(kind, entry, where, f"a {kind.__name__.lower()}")
    try:
        return kind(**fields)
    except ResqError as error:
        raise ResqError(f"{where}: {error}") from None
