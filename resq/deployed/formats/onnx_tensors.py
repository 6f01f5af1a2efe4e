"""TensorProto, the numbers of an ONNX file: where they lie, and written out where they have no fixed length.

Source: onnx.proto (fields by their numbers).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resq.deployed.formats import protobuf
from resq.deployed.formats.protobuf import PART, VARINT
from resq.deployed.words import RefusedError, Stored, numbers

DIMS, TYPE, FLOATS, INTS, LONGS, NAME, RAW, DOUBLES, ULONGS = 1, 2, 4, 5, 7, 8, 9, 10, 11
EXTERNAL, LOCATION = 13, 14
# Data type -> name and bits; those that can be words.
TYPES = {1: ("float32", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16),
         6: ("int32", 32), 7: ("int64", 64), 9: ("bool", 8), 10: ("float16", 16), 11: ("float64", 64),
         12: ("uint32", 32), 13: ("uint64", 64), 16: ("bfloat16", 16), 21: ("uint4", 4), 22: ("int4", 4),
         25: ("uint2", 2), 26: ("int2", 2)}  # fmt: skip
OTHERS = {8: "STRING", 14: "COMPLEX64", 15: "COMPLEX128", 17: "FLOAT8E4M3FN", 18: "FLOAT8E4M3FNUZ",
          19: "FLOAT8E5M2", 20: "FLOAT8E5M2FNUZ", 23: "FLOAT4E2M1", 24: "FLOAT8E8M0"}  # fmt: skip
LARGEST_RANK = 16


@dataclass(frozen=True)
class Held:
    """An initialiser.

    Attributes:
        span: its message; ``begin``: the first byte of its numbers, -1 where they have no fixed length.
    """

    name: str
    type: int
    shape: tuple[int, ...]
    span: tuple[int, int]
    begin: int

    @property
    def count(self) -> int:
        """How many numbers."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def n_bytes(self) -> int:
        """Bytes of the numbers, written out."""
        return -(-self.count * TYPES[self.type][1] // 8)


def held(raw: bytes, span: tuple[int, int]) -> Held:
    """A tensor of a file.

    Raises:
        RefusedError: kept in another file, of a form that is no number, or of another size than it says.
    """
    name = protobuf.text(raw, span, NAME)
    if protobuf.parts(raw, span, EXTERNAL) or protobuf.integer(raw, span, LOCATION) == 1:
        raise RefusedError(
            f"keeps {name!r:.80} in another file; save the model as one file "
            "(torch.onnx.export(..., external_data=False))"
        )
    kind = protobuf.integer(raw, span, TYPE)
    shape = tuple(protobuf.integers(raw, span, DIMS))
    if kind not in TYPES:
        raise RefusedError(
            f"holds {name!r:.80} as ONNX type {OTHERS.get(kind, kind)}; expected floats of 16 to 64 bits or "
            "integers of 2 to 64 (quantize to int8, uint8, int4 or int16)"
        )
    size = float(np.prod([float(n) for n in shape]))
    if len(shape) > LARGEST_RANK or any(n < 0 for n in shape) or size > 2**40:
        raise RefusedError(f"gives {name!r:.80} the shape {shape!s:.80}: it is damaged")
    one = Held(name, kind, shape, span, -1)
    places = {RAW: kind, FLOATS: 1, DOUBLES: 11}
    for f in protobuf.fields(raw, *span):
        if f.wire == PART and places.get(f.number) == kind and f.end - f.value == one.n_bytes:
            one = Held(name, kind, shape, span, f.value)
    if one.begin < 0 and one.count and (raw_there := protobuf.parts(raw, span, RAW)):
        got = raw_there[-1][1] - raw_there[-1][0]
        raise RefusedError(
            f"says that {name!r:.80} has the shape {shape} of {TYPES[kind][0]}, but stores {got} bytes"
        )
    return one


def out(raw: bytes, span: tuple[int, int]) -> bytes | None:
    """The tensor's message with its numbers as raw bytes; None where they have a fixed length already."""
    one = held(raw, span)
    if one.begin >= 0 or not one.count:
        return None
    written = _numbers(raw, one)
    if len(written) != one.n_bytes:
        raise RefusedError(
            f"says that {one.name!r:.80} has the shape {one.shape} of {TYPES[one.type][0]}, "
            f"but stores {len(written)} bytes"
        )
    others = [
        raw[f.begin : f.end]
        for f in protobuf.fields(raw, *span)
        if f.number not in (FLOATS, INTS, LONGS, DOUBLES, ULONGS, RAW)
    ]
    return b"".join([*others, protobuf.written(RAW, written)])


def _numbers(raw: bytes, one: Held) -> bytes:
    """The numbers of a tensor that writes them one by one, little end first."""
    dtype, width = TYPES[one.type]
    if dtype == "float32" or dtype == "float64":
        field = FLOATS if dtype == "float32" else DOUBLES
        return b"".join(raw[f.value : f.end] for f in protobuf.fields(raw, *one.span) if f.number == field
                        and f.wire != VARINT)  # fmt: skip
    field = LONGS if dtype == "int64" else ULONGS if dtype in ("uint32", "uint64") else INTS
    integers = protobuf.integers(raw, one.span, field)
    size = max(1, width // 8)  # numbers of four bits are written two and two
    return b"".join((n % 2 ** (8 * size)).to_bytes(size, "little") for n in integers)


def array(raw: bytes, one: Held) -> np.ndarray:
    """The numbers of a tensor whose numbers have a fixed length, (count,)."""
    dtype, width = TYPES[one.type]
    part = raw[one.begin : one.begin + one.n_bytes]
    if width < 8:
        packed = Stored(one.name, "other", dtype, (one.count,), width, 0, -1)
        return numbers(np.frombuffer(part, np.uint8), packed)
    if dtype == "bfloat16":
        return (np.frombuffer(part, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(part, np.dtype(dtype).newbyteorder("<"))
