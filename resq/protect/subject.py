"""What the search asks of whatever stores weights: a checkpoint, or a deployed file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from resq.core import Encoding, QuantizedModel


class Subject(Protocol):
    """Whose layers are stored in one way or another.

    Attributes:
        name, hash: of the network; ``images``: hash of the held-out ones.
        inputs: what was said of a deployed file's input, on which its answers depend; None of a checkpoint.
        own: how it is stored without protection; ``sizes``: weights of every layer.
        lengths: plain words to choose from, those of one length together.
        uniform: ways to store all layers alike that an answer is compared with.
    """

    name: str
    hash: str
    inputs: str | None
    own: Encoding
    sizes: tuple[int, ...]
    lengths: list[list[Encoding]]
    uniform: list[Encoding]

    @property
    def images(self) -> str:
        """Which held-out images decide."""
        ...

    def order(self, base: Encoding) -> list[int]:
        """Layer numbers, those first whose weights a flip is estimated to cost most."""
        ...

    def accuracy(self, encoding: Encoding, fault: str, rate: float, number: int) -> float:
        """The share of held-out images that are right under one fault map."""
        ...

    def tested(
        self, encoding: Encoding, fault: str, rates: tuple[float, ...], maps: int, n: int
    ) -> pd.DataFrame:
        """Rows on test images, columns as in ``table.COLUMNS``, rate 0 among them."""
        ...

    def write(self, folder: Path, encoding: Encoding) -> None:
        """The files to deploy."""
        ...

    def stored(self, encoding: Encoding) -> QuantizedModel:
        """The words of all layers as they are stored."""
        ...

    def look(self, images: int, encoding: Encoding) -> Callable[[], Any]:
        """A pass of so many images without faults, to be timed."""
        ...
