"""The shipped studies of the asymmetry: small summaries beside their rows, read anew each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from resq.measure.store import table


def study(net: str) -> dict[str, Any] | None:
    """The shipped summary of ``python -m resq asymmetry`` on this network, or None."""
    file = table.SHIPPED / f"{net.rpartition('/')[0].replace('/', '-')}-asymmetry.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def studies(alike: bool = False) -> dict[str, dict[str, Any]]:
    """The effects of every shipped study of the asymmetry, by its data and network and how many seeds it has.

    Args:
        alike: on the images alone that all of its networks get right without fault or attack.
    """
    each = [json.loads(f.read_text(encoding="utf-8")) for f in sorted(table.SHIPPED.glob("*-asymmetry.json"))]
    each.sort(key=lambda one: -one["effects"]["seeds"])
    wanted = {_called(one): one["alike"] if alike else one for one in each}
    return {name: one["effects"] for name, one in wanted.items() if one}


def _called(study: Mapping[str, Any]) -> str:
    seeds = study["effects"]["seeds"]
    return f"{study['study']['base'].rpartition('/')[0]}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
