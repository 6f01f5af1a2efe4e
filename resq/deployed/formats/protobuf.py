"""Protocol buffers read as data: lengths are checked against the bytes there are before anything is taken.

Source: the protocol buffers wire format (varints, fixed words and parts that say how long they are).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resq.deployed.words import RefusedError

VARINT, LONG, PART, SHORT = 0, 1, 2, 5
WIDTHS = {LONG: 8, SHORT: 4}


@dataclass(frozen=True)
class Field:
    """A field of a message.

    Attributes:
        value: of a varint; of parts and fixed words the first byte of their content.
        begin, end: all bytes of the field, its key included; ``value`` to ``end`` is a part's content.
    """

    number: int
    wire: int
    value: int
    begin: int
    end: int


def varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of up to 64 bits and the byte behind it.

    Raises:
        RefusedError: it does not end within 10 bytes or before ``end``.
    """
    number = 0
    for i in range(10):
        if at + i >= end:
            break
        byte = raw[at + i]
        number |= (byte & 127) << 7 * i
        if byte < 128:
            return number & (2**64 - 1), at + i + 1
    raise RefusedError(f"has a number at byte {at} that does not end: it is damaged")


def fields(raw: bytes, begin: int, end: int) -> Iterator[Field]:
    """The fields of the message between two bytes, in their order.

    Raises:
        RefusedError: a field that reaches over the end, or is of no known form.
    """
    at = begin
    while at < end:
        first = at
        key, at = varint(raw, at, end)
        number, wire = key >> 3, key & 7
        value = at
        if wire == VARINT:
            value, at = varint(raw, at, end)
        elif wire in WIDTHS:
            at += WIDTHS[wire]
        elif wire == PART:
            size, value = varint(raw, at, end)
            at = value + size
        else:
            raise RefusedError(f"has a field of form {wire} at byte {first}: it is damaged")
        if at > end:
            raise RefusedError(
                f"has a field at byte {first} that reaches {at - end} bytes too far: it is damaged"
            )
        yield Field(number, wire, value, first, at)


def parts(raw: bytes, span: tuple[int, int], number: int) -> list[tuple[int, int]]:
    """First byte and end of each part with this number in the message at ``span``."""
    return [(f.value, f.end) for f in fields(raw, *span) if f.number == number and f.wire == PART]


def text(raw: bytes, span: tuple[int, int], number: int) -> str:
    """The last string with this number, "" where there is none."""
    spans = parts(raw, span, number)
    return raw[slice(*spans[-1])].decode("utf-8", "replace") if spans else ""


def integer(raw: bytes, span: tuple[int, int], number: int, default: int = 0) -> int:
    """The last number with this field number, as a signed one."""
    values = [f.value for f in fields(raw, *span) if f.number == number and f.wire == VARINT]
    return signed(values[-1]) if values else default


def signed(value: int) -> int:
    """A varint as a signed number of 64 bits.

    >>> signed(2**64 - 1)
    -1
    """
    return value - 2**64 if value >= 2**63 else value


def integers(raw: bytes, span: tuple[int, int], number: int) -> list[int]:
    """All numbers with this field number, whether they stand packed in one part or each on its own."""
    values: list[int] = []
    for f in fields(raw, *span):
        if f.number == number and f.wire == VARINT:
            values.append(signed(f.value))
        elif f.number == number and f.wire == PART:
            at = f.value
            while at < f.end:
                value, at = varint(raw, at, f.end)
                values.append(signed(value))
    return values


def written(number: int, content: bytes) -> bytes:
    """A part as a field of a message."""
    return _varint(number << 3 | PART) + _varint(len(content)) + content


def value(number: int, content: int) -> bytes:
    """A number as a field of a message.

    >>> value(2, 300).hex()
    '10ac02'
    """
    return _varint(number << 3 | VARINT) + _varint(content % 2**64)


def _varint(content: int) -> bytes:
    out = bytearray()
    while content > 127:
        out.append(content & 127 | 128)
        content >>= 7
    return bytes([*out, content])


def changed(
    raw: bytes,
    span: tuple[int, int],
    path: tuple[int, ...],
    change: Callable[[tuple[int, int]], bytes | None],
) -> bytes:
    """The message with the parts at a path of field numbers replaced by what ``change`` makes of each.

    Args:
        change: (span of a part) -> its new content, or None to leave it.
    """
    out = []
    for f in fields(raw, *span):
        if f.number != path[0] or f.wire != PART:
            out.append(raw[f.begin : f.end])
            continue
        inside = (f.value, f.end)
        content = change(inside) if len(path) == 1 else changed(raw, inside, path[1:], change)
        out.append(raw[f.begin : f.end] if content is None else written(f.number, content))
    return b"".join(out)
