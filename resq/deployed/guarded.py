"""A deployed file's weights in a memory of another kind, decoded to their place before its runtime runs.

A runtime knows no guards. What can be done is what a board does: the weights' words lie in a memory that
stores them several times, under a guard or in shorter codes, a decoder reads them into the file's place, and
the runtime computes with what was read. The file keeps its scales, so codes of k bits stand for multiples of
one step, the same in every tensor: (2^7 - 1) / (2^(k - 1) - 1) of int8, (2^8 - 1) / (2^k - 1) of uint8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from resq.core import FLOATS, BitFlips, Encoding, QuantizedModel, QuantizedTensor
from resq.core.encoding import IMPORTED
from resq.core.errors import ResqError
from resq.deployed import words
from resq.deployed.network import Network
from resq.deployed.words import Stored
from resq.memory import flipping, quant

BYTE = 8
CODES = {"int8": ("symmetric", "magnitude"), "uint8": ("affine",)}


def check(encoding: Encoding) -> None:
    """Refuses ways to store words that no file's words can lie in.

    Raises:
        ResqError: what came, and such as can be.
    """
    parts = [encoding.base, *[encoding.other] * (encoding.other is not None)]
    plain = all(e and e.bare == e and e.clip == "minmax" and e.per == "channel" for e in parts)
    if not plain or encoding.code in (*FLOATS, IMPORTED):
        raise ResqError(
            "the words of a deployed file can lie in integer codes with its own scales, such as "
            f"int8-symmetric-secded or int4-symmetric-tmr2, and its runtime stays as it is, got {encoding}"
        )


def own_code(stored: Sequence[Stored], file: str) -> Encoding:
    """How the words of a file are read, which says what word stands for weight 0.

    Raises:
        ResqError: words that are not bytes, of several kinds, with zero points of each channel or with none
            that is known.
    """
    other = sorted({s.dtype for s in stored if s.dtype not in CODES})
    if other:
        raise ResqError(
            f"{file} stores weights of {', '.join(other)}; words of int8 or uint8 are guarded "
            "here: quantize it to 8 bits, or protect the checkpoint it was made of"
        )
    if unknown := next((s.name for s in stored if not s.zero), ""):
        raise ResqError(
            f"{file} does not say which byte of {unknown!r:.80} stands for 0; words with a zero point among "
            "the file's constants are expected, as quantize_static and quantize_dynamic write them"
        )
    kinds = {s.dtype for s in stored}
    if len(kinds) > 1 or any(len(set(s.zero)) > 1 for s in stored):
        raise ResqError(
            f"{file} stores weights of {' and '.join(sorted(kinds))} with several zero points a "
            "tensor; one type and one zero point are expected"
        )
    if kinds == {"int8"} and any(s.zero[0] for s in stored):
        raise ResqError(f"{file} stores int8 weights whose zero point is not 0; 0 is expected")
    return Encoding.parse("int8-symmetric" if kinds == {"int8"} else "int8")


class GuardedFile:
    """The words of a file's weights as a memory that stores them in its own way.

    Attributes:
        model: that memory; no scale is in it.
        tables: for each tensor, what the file holds for every word that may be read, uint8 (2 ** bits,).

    Raises:
        ResqError: a file whose words are not bytes, an encoding that is not for them, or one that
            stores tensors apart which it does not have.
    """

    def __init__(self, network: Network, encoding: Encoding) -> None:
        check(encoding)
        quant.check_apart(encoding, len(network.stored))
        self._network, own = network, own_code(network.stored, network.file.name)
        raw, held, self.tables = np.frombuffer(network.parsed.memory, np.uint8), {}, []
        for i, s in enumerate(network.stored):
            how = encoding.of(i)
            if how.code not in CODES[s.dtype]:
                raise ResqError(
                    f"{network.file.name} stores {s.dtype} words; codes of {' or '.join(CODES[s.dtype])} "
                    f"hold them, such as {own}-secded, got {how}"
                )
            held[s.name] = _held(words.unsigned(raw, s), s, how)
            self.tables.append(table(how, s.dtype))
        self.model = QuantizedModel(held, {})

    @cached_property
    def _own(self) -> list[np.ndarray]:
        raw = np.frombuffer(self._network.parsed.memory, np.uint8)
        return [words.unsigned(raw, s) for s in self._network.stored]

    def misread(self, flips: BitFlips) -> BitFlips:
        """The bits of the file that differ from what it holds once this memory is read under flips.

        Without flips those that the encoding itself changes: rounded to shorter codes, or cut for a guard.
        """
        changes = {name: (at, mask) for name, at, mask in flipping.by_layer(self.model, flips)}
        starts, parts = self._network.layout.starts, []
        for i, (name, q) in enumerate(self.model.weights.items()):
            read = q.words.reshape(-1)
            if name in changes:
                read = read.copy()
                read[changes[name][0]] ^= changes[name][1]
            parts.append(starts[i] + _bits(self.tables[i].take(read) ^ self._own[i]))
        wrong = np.concatenate(parts)
        return BitFlips(wrong, np.zeros(len(wrong)))


def _held(file_words: np.ndarray, s: Stored, encoding: Encoding) -> QuantizedTensor:
    """The file's words (n,) as the encoding stores them: those themselves, or the nearest that it has."""
    zero = float(s.zero[0])
    if _same(encoding, s.dtype):
        codes = file_words.astype(quant.word_type(encoding))
    else:
        step = _step(encoding)
        codes = quant.coded(np.rint(_numbers(file_words, s.dtype) / step), encoding)
        zero = float(np.rint(zero / step))
    held = quant.fitted(quant.protected(codes, encoding), encoding)
    return QuantizedTensor(held, np.ones(1, np.float32), np.full(1, zero, np.float32), encoding)


def table(encoding: Encoding, dtype: str) -> np.ndarray:
    """The byte of the file for every stored word, uint8 (2 ** word_bits,); its top bits are voted on.

    >>> table(Encoding.parse("int4-symmetric"), "int8").view(np.int8).tolist()[:8]
    [0, 18, 36, 54, 73, 91, 109, 127]
    """
    step = 1.0 if _same(encoding, dtype) else _step(encoding)
    limits = np.iinfo(np.dtype(dtype))
    read = np.clip(np.rint(quant.codes(encoding.word) * step), limits.min, limits.max)
    return read.astype(np.dtype(dtype)).view(np.uint8)


def _same(encoding: Encoding, dtype: str) -> bool:
    """Whether the codes are the file's words themselves."""
    return encoding.bits == BYTE and encoding.code == CODES[dtype][0]


def _step(encoding: Encoding) -> float:
    signed = encoding.code != "affine"
    return (2 ** (BYTE - signed) - 1) / (2 ** (encoding.bits - signed) - 1)


def _numbers(file_words: np.ndarray, dtype: str) -> np.ndarray:
    return file_words.view(np.dtype(dtype)).astype(np.float64)


def _bits(changed: np.ndarray) -> np.ndarray:
    """Where bits are set in bytes (n,), ascending int64."""
    at = np.flatnonzero(changed)
    word, bit = np.nonzero(np.unpackbits(changed[at, None], axis=1, bitorder="little"))
    return at[word] * BYTE + bit
