"""Hostile inputs: files, names, links and command lines as hypothesis draws them."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

Draw = Callable[[st.SearchStrategy[Any]], Any]
CODE = (
    *("os system", "posix system", "builtins eval", "builtins exec", "subprocess Popen", "torch load"),
    *("importlib import_module", "builtins getattr", "pty spawn", "webbrowser open", "runpy run_path"),
)
PATHS = (
    "..",
    "../../x",
    "/etc/passwd",
    "a/../../b",
    "\0",
    "a\\b",
    "~/x",
    "file:///etc/passwd",
    "C:\\x",
    ".",
    "...",
)
MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "![](http://b)",
)
OTHER = (
    "",
    "x" * 300,
    "%2e%2e/x",
    "a\nb",
    "\u202e",
    "nan",
    "1e999",
    "-1",
    "9" * 30,
    "💥",
    "$(id)",
    "`id`",
    "; id",
)
WORDS = (
    "int8 int4-tmr2 fp32 random burst-row pgd fgsm transfer adaptive first quick bit_error quantize".split()
)
ODD = st.sampled_from((*PATHS, *MARKUP, *OTHER))
TEXT = st.one_of(ODD, st.text(max_size=40))
NAME = st.one_of(TEXT, st.lists(TEXT, min_size=2, max_size=4).map("/".join), st.just("signs/resnet20/base"))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def spoilt(draw: Draw, whole: st.SearchStrategy[bytes]) -> bytes:
    """A sound file, or one with a few bytes changed, cut off, repeated or with others put in."""
    raw = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        how = draw(st.sampled_from(("flip", "cut", "put", "number", "repeat")))
        if how == "flip" and raw:
            raw[at] ^= draw(st.integers(1, 255))
        elif how == "cut":
            del raw[at:]
        elif how == "put":
            raw[at:at] = draw(st.binary(max_size=20))
        elif how == "number":
            raw[at : at + 4] = draw(st.sampled_from((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f")))
        else:
            raw[at:at] = raw[at : at + 64]
    return bytes(raw)


class _Canary:
    """Its pickle runs a command when it is loaded by Python's own pickle."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, (self.command,)


def canary(file: str) -> bytes:
    """A pickle that would make ``file``."""
    return pickle.dumps({"state_dict": _Canary(f"touch {file}")}, protocol=2)


@st.composite
def pickles(draw: Draw, file: str) -> bytes:
    """A pickle that would run code: a canary's, or one of many names called with many arguments."""
    if draw(st.booleans()):
        return canary(file)
    module, name = draw(st.sampled_from(CODE)).split()
    argument = pickle.dumps(draw(st.sampled_from((f"touch {file}", 1, None, [file]))), 2)[2:-1]
    head = f"c{module}\n{name}\n".encode()
    call = draw(st.sampled_from((b"\x85R", b"\x85\x81", b"\x85b", b"\x85", b"R", b"\x86R")))
    return b"\x80\x02" + head + argument + call + b"."


def zipped(parts: dict[str, bytes], packed: bool = False) -> bytes:
    """A zip as torch.save lays it out."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return raw.getvalue()


@cache
def torch_files() -> tuple[bytes, ...]:
    """Sound torch files of both formats, small."""
    import torch

    state = {"conv1.weight": torch.ones(2, 3, 3, 3), "fc.bias": torch.zeros(2), "n": torch.tensor(3)}
    found = []
    for new in (True, False):
        raw = io.BytesIO()
        torch.save({"state_dict": state}, raw, _use_new_zipfile_serialization=new)
        found.append(raw.getvalue())
    return tuple(found)


def torch_like(file: str) -> st.SearchStrategy[bytes]:
    """Files that claim to be torch's: sound, spoilt, or with code inside."""
    codes = pickles(file)
    inside = codes.map(lambda raw: zipped({"a/data.pkl": raw, "a/version": b"3"}))
    bombs = st.integers(1, 4).map(lambda mb: zipped({"a/data.pkl": bytes(mb * 2**20)}, packed=True))
    return st.one_of(spoilt(st.sampled_from(torch_files())), codes, inside, bombs, st.binary(max_size=200))


@st.composite
def safetensors(draw: Draw) -> bytes:
    """A safetensors file whose header says anything."""
    kind = st.sampled_from(("F32", "F16", "BF16", "F64", "I64", "BOOL", "F8", "X", 3, None))
    size = st.one_of(st.integers(0, 8), st.sampled_from((-1, 2**31, 2**63, 2**80, 1.5, "2", None)))
    entry = st.one_of(
        st.fixed_dictionaries(
            {"dtype": kind, "shape": st.lists(size, max_size=9), "data_offsets": st.lists(size, max_size=3)}
        ),
        JSON,
    )
    header = draw(st.one_of(st.dictionaries(TEXT, entry, max_size=4), JSON))
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    length = draw(st.one_of(st.just(len(text)), st.sampled_from((0, 2**40, 2**63 - 1, len(text) + 5))))
    return struct.pack("<Q", length) + text + draw(st.binary(max_size=64))


@cache
def sound() -> bytes:
    """A shipped checkpoint."""
    from resq import checkpoints

    return checkpoints.find("signs/resnet20/base").read_bytes()


@st.composite
def checkpoints(draw: Draw) -> bytes:
    """A safetensors file of one tensor "a" of any kind and shape, its places right; or any other."""
    if not draw(st.integers(0, 3)):
        return bytes(draw(safetensors()))
    if not draw(st.integers(0, 5)):
        return bytes(draw(spoilt(st.just(sound()))))
    kinds = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I64": 8, "BOOL": 1, "F8_E4M3": 1, "C64": 8, "U64": 8}
    kind, width = draw(st.sampled_from(sorted(kinds.items())))
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    size = int(np.prod(shape, dtype=int)) * width
    entry = {"dtype": kind, "shape": shape, "data_offsets": [0, size]}
    text = json.dumps({draw(st.sampled_from(("a", "conv1.weight"))): entry}).encode()
    return struct.pack("<Q", len(text)) + text + draw(st.binary(min_size=size, max_size=size))


def cards() -> st.SearchStrategy[Any]:
    """Cards: any JSON, or an object whose known fields hold anything."""
    return st.one_of(
        st.fixed_dictionaries(
            {},
            optional={"network": JSON, "data": JSON, "weights": st.one_of(JSON, st.just(["conv1.weight"]))},
        ),
        JSON,
        st.none(),  # a sound card
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it has so many pixels."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", zlib.compress(bytes(100_000))) + _chunk(b"IEND", b"")


@cache
def images() -> tuple[bytes, ...]:
    """Sound pictures of many formats and kinds of pixels, the smallest too small to be used."""
    rng, found = np.random.default_rng(0), []
    kinds = [("RGB", f) for f in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO")]
    kinds += [(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGBA")]
    kinds += [("L", "JPEG"), ("CMYK", "JPEG")]
    for mode, form in kinds:
        for shape in ((9, 7, 3), (40, 33, 3)):
            raw = io.BytesIO()
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(raw, form)
            found.append(raw.getvalue())
    return tuple(found)


def pictures() -> st.SearchStrategy[bytes]:
    """Pictures: sound, spoilt, of other kinds, or far larger than they look."""
    side = st.sampled_from((1, 32, 4_000, 20_000, 65_535, 2**31 - 1, 2**32 - 1))
    bombs = st.builds(bomb, side, side)
    svg = st.just(b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>')
    return st.one_of(spoilt(st.sampled_from(images())), bombs, svg, st.binary(max_size=100))


def toml(fields: tuple[str, ...], sound: str) -> st.SearchStrategy[bytes]:
    """TOML with known and unknown fields of any value, a sound file spoilt, or one with a field changed."""
    value = st.one_of(JSON, st.lists(st.one_of(st.floats(), st.integers(), TEXT), max_size=4))
    entry = st.tuples(st.one_of(st.sampled_from(fields), st.just("nonsense")), value)
    free = st.lists(entry, max_size=6).map(
        lambda pairs: "\n".join(f"{k} = {json.dumps(v)}" for k, v in dict(pairs).items())
    )
    likely = st.one_of(st.integers(-1, 9), st.floats(0, 1), st.booleans(), NAME, st.sampled_from(WORDS))
    more = st.tuples(st.sampled_from(fields), st.one_of(likely, st.lists(likely, max_size=3)))
    changed = more.map(lambda pair: f"{pair[0]} = {json.dumps(pair[1])}\n{_without(sound, pair[0])}")
    texts = st.one_of(free, changed).map(lambda text: text.encode("utf-8", "surrogatepass"))
    return st.one_of(texts, spoilt(st.just(sound.encode())))


def _without(sound: str, field: str) -> str:
    return "\n".join(line for line in sound.splitlines() if not line.startswith(f"{field} ="))
