"""A flatbuffer read as data: every offset is checked against the bytes there are before anything is read.

Source: the FlatBuffers binary format (tables, vtables, vectors and strings; little end first).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from resq.deployed.words import RefusedError


def number(raw: bytes, at: int, form: str) -> int:
    """The number at this byte.

    Raises:
        RefusedError: it does not lie within the bytes.
    """
    size = struct.calcsize(form)
    if not 0 <= at <= len(raw) - size:
        raise RefusedError(f"points to byte {at}, outside its {len(raw)} bytes: it is damaged")
    return int(struct.unpack_from(form, raw, at)[0])


@dataclass(frozen=True)
class Table:
    """A table at a byte of a flatbuffer; a field that is not there has its default."""

    raw: bytes
    at: int

    @staticmethod
    def root(raw: bytes) -> Table:
        """The table that the first word points to."""
        return Table(raw, number(raw, 0, "<I"))

    def _field(self, index: int) -> int:
        """The byte of a field, 0 where it is not there."""
        vtable = self.at - number(self.raw, self.at, "<i")
        size = number(self.raw, vtable, "<H")
        place = 4 + 2 * index
        offset = number(self.raw, vtable + place, "<H") if place + 2 <= size else 0
        return self.at + offset if offset else 0

    def place(self, index: int) -> int:
        """The byte at which a field stands, 0 where it is not there."""
        return self._field(index)

    def integer(self, index: int, form: str = "<i", default: int = 0) -> int:
        """A number in the table itself."""
        at = self._field(index)
        return number(self.raw, at, form) if at else default

    def table(self, index: int) -> Table | None:
        """The table that a field points to."""
        at = self._field(index)
        return Table(self.raw, at + number(self.raw, at, "<I")) if at else None

    def vector(self, index: int, item: int) -> tuple[int, int]:
        """First byte and length of a vector whose items have ``item`` bytes; (0, 0) where there is none.

        Raises:
            RefusedError: it says that it holds more than there is.
        """
        at = self._field(index)
        if not at:
            return 0, 0
        start = at + number(self.raw, at, "<I")
        length = number(self.raw, start, "<I")
        if start + 4 + length * item > len(self.raw):
            raise RefusedError(
                f"says that a list at byte {start} has {length} items of {item} bytes; "
                f"the file ends after {len(self.raw)}: it is damaged"
            )
        return start + 4, length

    def array(self, index: int, form: str) -> np.ndarray:
        """A vector of numbers, read-only."""
        dtype = np.dtype(form)
        at, length = self.vector(index, dtype.itemsize)
        return np.frombuffer(self.raw, dtype, length, at)

    def tables(self, index: int) -> list[Table]:
        """A vector of tables."""
        at, length = self.vector(index, 4)
        places = range(at, at + 4 * length, 4)
        return [Table(self.raw, place + number(self.raw, place, "<I")) for place in places]

    def text(self, index: int) -> str:
        """A string; letters that are none are replaced."""
        at, length = self.vector(index, 1)
        return self.raw[at : at + length].decode("utf-8", "replace")
