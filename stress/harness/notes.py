"""What faults did: counted, with what a person sees of each kind."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Notes:
    """What the faults did.

    Attributes:
        said: kind of fault -> what a person sees.
    """

    faults: int = 0
    lost: int = 0
    doubled: int = 0
    recovered: int = 0
    said: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def note(notes: Notes, kind: str, said: str, wrong: str = "") -> None:
    """One more fault; it has recovered if nothing is wrong."""
    notes.faults += 1
    notes.kinds[kind] = notes.kinds.get(kind, 0) + 1
    notes.said.setdefault(kind, said[:300])
    if wrong:
        notes.failures.append(f"{kind}: {wrong}")
    else:
        notes.recovered += 1
