"""The decoder in C, compiled with the compiler of this machine, and a layer read with it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from resq.core import Encoding, QuantizedTensor
from resq.core.encoding import FLOATS, IMPORTED
from resq.core.errors import LackingError, ResqError
from resq.core.guards import GUARDS
from resq.memory.guards.layers import written

SOURCE = Path(__file__).with_name("decoder.c")
RADAR = {name: facts.group for name, facts in GUARDS.items() if name.startswith("radar")}
NUMBERS = {"": 0, "secded": 1, "secded0": 2, "spw": 3, "inplace": 4, **dict.fromkeys(RADAR, 5), "cep": 6}
COMPILERS = ("cc", "gcc", "clang")


def compiler() -> str:
    """The C compiler of this machine, or "" where it has none."""
    return next((path for name in COMPILERS if (path := shutil.which(name))), "")


@cache
def library() -> ctypes.CDLL:
    """The decoder as a library.

    Raises:
        LackingError: no C compiler here.
    """
    if not compiler():
        raise LackingError(f"no C compiler here ({', '.join(COMPILERS)}): the decoder cannot be built")
    folder = Path(tempfile.mkdtemp(prefix="decoder-"))
    made = folder / "decoder.so"
    command = [
        compiler(),
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O2",
        "-shared",
        "-fPIC",
        "-o",
        made,
        SOURCE,
    ]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    decoder = ctypes.CDLL(str(made))
    shutil.rmtree(folder)
    return decoder


def able(encoding: Encoding) -> bool:
    """Whether the decoder reads words of this encoding: codes of up to 8 bits; under a guard, in one byte."""
    guarded = encoding.guard in NUMBERS and (not encoding.guard or encoding.word_bits == 8)
    return encoding.code not in (*FLOATS, IMPORTED) and guarded and not encoding.ranger


def read(words: np.ndarray, checks: np.ndarray, n: int, encoding: Encoding, zero: np.ndarray) -> np.ndarray:
    """The codes of n weights, uint8 (n,), as C reads them.

    Args:
        words: bytes, all copies; checks: the bits that guard them, packed.
        zero: the word that stands for weight 0 of each channel, uint8.

    Raises:
        ValueError: words that the decoder does not read.
    """
    if not able(encoding):
        known = ", ".join(filter(None, NUMBERS))
        raise ResqError(
            f"the decoder in C reads codes of up to 8 bits, or words of a byte under {known}, got {encoding}"
        )
    out = np.empty(n, np.uint8)
    # A pointer into an empty array is no address: a byte in its place, never read.
    filled = (part if part.size else np.zeros(1, np.uint8) for part in (words, checks, zero))
    buffers = [np.ascontiguousarray(part, np.uint8) for part in filled]
    pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in buffers]
    library().read_layer(
        pointers[0], pointers[1], ctypes.c_size_t(n), encoding.bits, encoding.tmr, encoding.copies,
        NUMBERS[encoding.guard], RADAR.get(encoding.guard, 0), int(encoding.code == "symmetric"),
        pointers[2], ctypes.c_size_t(len(zero)), out.ctypes.data_as(ctypes.c_void_p),
    )  # fmt: skip
    return out


def packed(q: QuantizedTensor) -> tuple[np.ndarray, np.ndarray]:
    """What lies in memory for a layer, as bytes: its words, all copies, and the bits that guard them."""
    words, checks = written(q)
    _, width = q.encoding.checks(q.words.size)
    return _bytes(np.tile(words, q.encoding.copies), q.encoding.word_bits), _bytes(checks, width)


def _bytes(words: np.ndarray, width: int) -> np.ndarray:
    """Words of ``width`` bits without gaps, the lowest bit first, uint8."""
    bits = (words[:, None] >> np.arange(width).astype(words.dtype) & 1).astype(np.uint8).reshape(-1)
    return np.packbits(bits, bitorder="little")
