"""Deployed files whose contents are others while their wrapping is sound: sizes, places, kinds, names.

A flipped byte of a zip archive fails its checksum and one of a protobuf often its lengths, so most of them
never get further than the first gate. These are read, changed inside and written again by the library of the
format.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

INTEGERS = (
    -(2**63),
    -(2**31),
    -129,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    12,
    16,
    127,
    255,
    65_536,
    2**31 - 1,
    2**40,
    2**63 - 1,
)
FLOATS = (0.0, -1.0, 1e-45, 1e38, float("inf"), float("nan"))
TEXTS = ("", "x", "/etc/passwd", "../../x", "conv.weight", "images", "nan", "\u20ac" * 300)
Place = tuple[Any, Any, Any]  # what holds a value, where in it, the value


def rewritten(raw: bytes, suffix: str, rng: np.random.Generator) -> bytes:
    """The file with one to three of its contents replaced; cut in half where its library writes none."""
    change = {".onnx": _onnx, ".tflite": _tflite, ".pt2": _archive}[suffix]
    try:
        return change(raw, int(rng.integers(1, 4)), rng)
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
        return raw[
            : len(raw) // 2
        ]  # what the library itself does not write: cut, so that it is no sound file


def _one(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _archive(raw: bytes, changes: int, rng: np.random.Generator) -> bytes:
    """The entries of a zip archive, some with others' bytes or numbers; its checksums are right."""
    with zipfile.ZipFile(io.BytesIO(raw)) as source:
        entries = {info.filename: source.read(info) for info in source.infolist()}
    for _ in range(changes):
        name = _one(rng, [n for n in entries if n.endswith(".json") or rng.random() < 0.2] or list(entries))
        how = rng.random()
        if how < 0.04:
            del entries[name]
        elif how < 0.08:
            entries[_one(rng, ("../out", "/tmp/out", name + "x", "net/data/weights/weight_9"))] = entries.pop(
                name
            )
        else:
            entries[name] = (
                _text(entries[name], rng) if name.endswith(".json") else _bytes(entries[name], rng)
            )
    return _zipped(entries)


def _zipped(entries: dict[str, bytes]) -> bytes:
    """An archive as torch writes it: nothing compressed, every entry at a multiple of 64 bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            begins = written.tell() + 30 + len(name.encode()) + 4
            gap = -begins % 64
            info.extra = b"FB" + gap.to_bytes(2, "little") + b"Z" * gap
            target.writestr(info, content)
    return written.getvalue()


def _text(content: bytes, rng: np.random.Generator) -> bytes:
    """JSON with one value replaced by another of the file or by a strange one; seldom no JSON."""
    if rng.random() < 0.1:
        return _bytes(content, rng)
    tree = json.loads(content)
    places: list[Place] = []
    _leaves(tree, places)
    if not places:
        return content
    holder, at, value = _one(rng, places)
    if rng.random() < 0.15:
        del holder[at]
    else:
        like = [v for _, _, v in places if type(v) is type(value)]
        holder[at] = _one(rng, like) if rng.random() < 0.3 else _leaf(value, rng)
    return json.dumps(tree).encode()


def _leaves(tree: Any, places: list[Place]) -> None:
    """Every value below a list or a dict, with its holder."""
    for at, value in enumerate(tree) if isinstance(tree, list) else list(tree.items()):
        places.append((tree, at, value))
        if isinstance(value, list | dict):
            _leaves(value, places)


def _leaf(value: Any, rng: np.random.Generator) -> Any:
    """A strange value, mostly of the same kind."""
    if rng.random() < 0.15:
        return _one(rng, (None, [], {}, True, "", 0, -1, 1.5))
    if isinstance(value, bool | list | dict) or value is None:
        return not value
    return _other(value, rng)


def _bytes(content: bytes, rng: np.random.Generator) -> bytes:
    made = bytearray(content or b"\0")
    how = rng.random()
    if how < 0.3:
        return bytes(made[: int(rng.integers(len(made)))])
    if how < 0.4:
        return bytes(made) * int(rng.integers(2, 5))
    made[int(rng.integers(len(made)))] = int(rng.integers(256))
    return bytes(made)


def _onnx(raw: bytes, changes: int, rng: np.random.Generator) -> bytes:
    """A protobuf with fields of its messages replaced, doubled or left out."""
    import onnx

    model = onnx.load_from_string(raw)
    for _ in range(changes):
        places: list[Place] = []
        _fields(model, places)
        message, name, value = _one(rng, places)
        _field(message, name, value, rng)
    return bytes(model.SerializeToString())


def _fields(message: Any, places: list[Place]) -> None:
    for field, value in message.ListFields():
        many = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
        places.append((message, field.name, value))
        for part in value if many else [value]:
            if hasattr(part, "ListFields"):
                _fields(part, places)


def _field(message: Any, name: str, value: Any, rng: np.random.Generator) -> None:
    """Changes one field."""
    if hasattr(value, "ListFields") or rng.random() < 0.1:
        message.ClearField(name)
    elif hasattr(value, "append") or hasattr(value, "add"):
        _list(value, rng)
    else:
        setattr(message, name, _other(value, rng))


def _list(values: Any, rng: np.random.Generator) -> None:
    """Changes one item of a repeated field."""
    at = int(rng.integers(len(values)))
    if rng.random() < 0.3:
        del values[at]
    elif hasattr(values[at], "ListFields"):
        values.add().CopyFrom(values[at])
    else:
        values[at] = _other(values[at], rng)


def _other(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, bytes):
        return _bytes(value, rng)
    if isinstance(value, str):
        return _one(rng, TEXTS)
    return _one(rng, FLOATS if isinstance(value, float) else INTEGERS)


def _tflite(raw: bytes, changes: int, rng: np.random.Generator) -> bytes:
    """A flatbuffer with numbers, names and vectors of its tables replaced."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(raw, 0)
    for _ in range(changes):
        places: list[Place] = []
        _members(model, places)
        holder, at, value = _one(rng, places)
        _put(holder, at, _member(value, rng))
    builder = flatbuffers.Builder(len(raw))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _put(holder: Any, at: Any, value: Any) -> None:
    put: Callable[..., None] = setattr if isinstance(at, str) else type(holder).__setitem__
    put(holder, at, value)


def _members(holder: Any, places: list[Place]) -> None:
    """Every value below an object of the schema, with its holder."""
    inside = enumerate(holder) if isinstance(holder, list) else vars(holder).items()
    for at, value in inside:
        if value is not None:
            places.append((holder, at, value))
        if isinstance(value, list) or hasattr(value, "Pack"):
            _members(value, places)


def _member(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, np.ndarray):
        return _vector(value, rng)
    if isinstance(value, list) and len(value):
        return [*value, value[0]] if rng.random() < 0.5 else value[:-1]
    if isinstance(value, bool) or hasattr(value, "Pack") or isinstance(value, list):
        return None if hasattr(value, "Pack") else not value if isinstance(value, bool) else value
    return _other(value, rng) if isinstance(value, bytes | str | float) else int(_one(rng, INTEGERS))


def _vector(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A vector cut, doubled, or with one of its numbers replaced."""
    how = rng.random()
    if how < 0.2 or not value.size:
        return value[: value.size // 2]
    if how < 0.3:
        return np.concatenate([value, value])
    made = value.copy()
    with np.errstate(all="ignore"):
        strange = _one(rng, FLOATS if made.dtype.kind == "f" else INTEGERS)
        made.reshape(-1)[int(rng.integers(made.size))] = np.asarray(strange).astype(made.dtype)
    return made
