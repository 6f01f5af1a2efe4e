"""JSON as RFC 8259 has it: a number that is not finite is written as null."""

from __future__ import annotations

import json
import math
from typing import Any


def dumps(value: Any, indent: int | None = 1) -> str:
    """The text of dicts, lists, tuples, strings and numbers.

    >>> dumps({"mean": float("nan")}, indent=None)
    '{"mean": null}'
    """
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
