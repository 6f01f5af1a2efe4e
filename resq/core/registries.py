"""What the project's own registries hold, kind by kind, and what somebody else put into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Kind -> (the registry, its members as the project gives them). A room that is not loaded has noted none, and
# nobody can have added to it: to ask loads nothing.
_REGISTRIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}


def note(kind: str, members: dict[str, Any]) -> None:
    """Notes a registry as the project made it; its room calls this once, below the registry.

    Args:
        kind: as sentences have it, such as "data set".
    """
    _REGISTRIES[kind] = members, dict(members)


def ours(kind: str, name: str) -> bool:
    """Whether the project has a member of this name, whatever stands there now."""
    return kind in _REGISTRIES and name in _REGISTRIES[kind][1]


def put_back(kind: str, name: str) -> None:
    """Gives a name the project's own member again."""
    members, own = _REGISTRIES[kind]
    members[name] = own[name]


def foreign(kind: str) -> dict[str, Any]:
    """The members of a registry that are not the project's own: added, or put in place of one that is.

    >>> foreign("fault model")
    {}
    """
    members, own = _REGISTRIES.get(kind, ({}, {}))
    if members == own:
        return {}
    return {name: member for name, member in members.items() if own.get(name) is not member}


def every_foreign() -> Iterator[tuple[str, str, Any]]:
    """(kind, name, member) of all that is not the project's own."""
    for kind in _REGISTRIES:
        yield from ((kind, name, member) for name, member in foreign(kind).items())
