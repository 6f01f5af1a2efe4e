"""Modules without values: what is overwritten at once need not be drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

IN_PLACE = ("normal_", "uniform_", "erfinv_")  # what torch.nn.init and torchvision draw with


class _Undrawn(TorchFunctionMode):
    """Leaves tensors as they are where they would get a random start."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init" or getattr(func, "__name__", "") in IN_PLACE:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def shapes_only() -> Iterator[None]:
    """Modules made inside have shapes and no memory.

    On the device "meta" alone torch would still run the initialisers, and import its compiler for them: two
    seconds and 70 MB of a process that needs neither.
    """
    with torch.device("meta"), _Undrawn():
        yield
