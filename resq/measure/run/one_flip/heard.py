"""Which stored layer a call of a pass gave the output of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHANNELS_FIRST = (0, 3, 1, 2)  # how ``SmallConv2d`` turns its products in the end


class Heard:
    """Follows the calls of one pass, in order.

    A layer is one call that takes its weight second, or by name. ``SmallConv2d`` alone takes its weight
    apart, tap by tap: its output is what it turns to channels first.

    Args:
        names: id of a weight -> its stored layer.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names, self.taps = names, ""

    def layer(self, func: Any, args: Any, kwargs: Any) -> str | None:
        """The stored layer whose output this call gives; None for any other call."""
        weight = args[1] if len(args) > 1 else (kwargs or {}).get("weight")
        if name := self.names.get(id(weight)):
            return name
        if getattr(func, "__name__", "") != "permute":
            return None
        if taken := self.names.get(id(args[0])):
            self.taps = taken
        elif self.taps and tuple(args[1:]) == CHANNELS_FIRST:
            name, self.taps = self.taps, ""
            return name
        return None
