"""ONNX Runtime: flips in memory that it shares with us, or in the file's bytes with a session for every map.

Most of what a session takes to begin is the optimizing of the graph: one that is optimized once, and whose
words are flipped then, begins in a quarter of the time.

It packs weights when a session begins, and computes with the packed ones: flips in shared initialisers reach
only a part of the layers unless prepacking is switched off (onnxruntime 1.32.0). What its optimizer folds or
rearranges is not reached that way at all. So all ways are offered, and which may be used is found out for
each file, tensor by tensor (``resq.deployed.canary``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

# From 1.29 on it writes a device id and a queue of events into the home folder and sends them, hashes of the
# file among them, on Linux too; the variable is read when the library is loaded, its own call comes too late.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

from resq.core.errors import ResqError
from resq.deployed.formats import onnx as onnx_format
from resq.deployed.runtimes import LARGE, Lanes, Memory, padded, real
from resq.platform import vnni

FRESH, SHARED, PREPARED = "session", "shared memory", "session of the optimized graph"
# Without it, processors of the x64 kind that have no VNNI add pairs of products, uint8 activations times int8
# weights, in 16 bits and cut off what lies beyond: other answers than the same file has elsewhere (1.32.0).
EXACT = "session.x64quantprecision"
# What OrtValues can be made of; words of other types are flipped in the file's bytes.
SHAREABLE = ("float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "bool")


class Engine:
    """An ONNX file on the CPU provider.

    Args:
        memory: the file's bytes, which flips are made in.
        about: ``threads``; ``stored``: [name, dtype, shape, offset, bytes] of what may be flipped; ``ends``:
            [scale, zero point] of the ``input`` and the ``output``.

    Attributes:
        exact: whether sums of products of integers are exact; see EXACT.
    """

    def __init__(self, memory: Memory, about: dict[str, Any]) -> None:
        self.name = f"onnxruntime {ort.__version__}"
        self._lanes, self._initializers = Lanes(int(about["threads"])), about["stored"]
        self._ends = about["ends"]
        self._file, self._memory = memory, memory.array
        self.ways = (FRESH, SHARED) if len(memory) > LARGE else (FRESH, SHARED, PREPARED)
        self._flips: tuple[np.ndarray, np.ndarray] | None = None
        self.exact = True
        self._clean: ort.InferenceSession | None = self._first()
        self._taken = self._clean.get_inputs()[0].type.removeprefix("tensor(").removesuffix(")")
        self._flipped: ort.InferenceSession | None = None
        self._shared: Shared | None = None
        self._prepared: Prepared | None = None

    def use(self, way: str) -> None:
        """Brings flips in this way from now on."""
        self.undo()
        self._shared = self._prepared = None
        if way == SHARED:
            self._clean = None
            self._shared = Shared(self._file, self._initializers, self.exact)
        elif way == PREPARED:
            self._prepared = Prepared(self._file.raw, self._initializers, self.exact)

    def flip(self, at: np.ndarray, mask: np.ndarray) -> None:
        """Flips bits of these bytes."""
        self._xor(at, mask)
        self._flips = at, mask

    def undo(self) -> None:
        """Flips the same bits back."""
        if self._flips is not None:
            self._xor(*self._flips)
        self._flips = self._flipped = None

    def _xor(self, at: np.ndarray, mask: np.ndarray) -> None:
        if self._shared:
            self._shared.xor(at, mask)
            return
        if self._prepared:
            self._prepared.xor(at, mask)
        self._memory[at] ^= mask

    def _first(self) -> ort.InferenceSession:
        """A session with exact sums; without where the processor needs the option and the file fails with it.

        QGemm behind an optimizer, and some graphs of quantizers, fail with it (1.32.0).
        """
        try:
            return self._fresh()
        except Exception:
            if not vnni.lacking():
                raise
        self.exact = False
        return self._fresh()

    def _fresh(self) -> ort.InferenceSession:
        return _session(self._file.raw, _options(self.exact))

    def _now(self) -> ort.InferenceSession:
        if self._shared:
            return self._shared.session
        if self._flips is None:
            self._clean = self._clean or self._fresh()
            return self._clean
        if self._flipped is None:
            if len(self._memory) > LARGE:
                self._clean = None
            self._flipped = self._prepared.session() if self._prepared else self._fresh()
        return self._flipped

    def input(self) -> tuple[str, float, int]:
        """Dtype of the input, and the scale and zero point that the file as it is reads its integers with.

        The runtime says neither of input or output: whoever calls it has them from the file beforehand, so
        that flips in its scales do not reach them.
        """
        dtype = {"float": "float32"}.get(self._taken, self._taken)
        scale, zero = self._ends["input"] if "int" in dtype else (0.0, 0)
        return dtype, scale, zero

    def run(self, values: np.ndarray, batch: int) -> np.ndarray:
        """The output, float32 (N, classes)."""
        return self._run(self._now(), values, batch)

    def by_default(self, values: np.ndarray, batch: int) -> np.ndarray:
        """As ``run``, by a session with no option set that changes an answer."""
        return self._run(_session(self._file.raw, _options(False)), values, batch)

    def _run(self, session: ort.InferenceSession, values: np.ndarray, batch: int) -> np.ndarray:
        name = session.get_inputs()[0].name

        def answer(begin: int) -> np.ndarray:
            part = padded(values[begin : begin + batch], batch)
            return np.asarray(session.run(None, {name: part})[0]).reshape(batch, -1)

        answers = self._lanes.run([answer] * self._lanes.count, len(values), batch)
        return real(answers, *self._ends["output"])

    def outputs(self, values: np.ndarray, batch: int) -> list[np.ndarray]:
        """Each output of the file, integers as they are."""
        session = self._now()
        name = session.get_inputs()[0].name
        parts = [
            session.run(None, {name: padded(values[begin : begin + batch], batch)})
            for begin in range(0, len(values), batch)
        ]
        joined = (np.concatenate([np.atleast_1d(a) for a in one]) for one in zip(*parts, strict=True))
        return [one[: len(values)] for one in joined]

    def bytes_now(self) -> Sequence[memoryview]:
        """The memory that flips are made in."""
        return self._shared.bytes_now() if self._shared else [self._memory.data]


def _options(exact: bool) -> ort.SessionOptions:
    """One thread: batches run side by side.

    Args:
        exact: whether sums of products of integers are exact on every processor; see EXACT.
    """
    options = ort.SessionOptions()
    if exact:
        options.add_session_config_entry(EXACT, "1")
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


def _session(memory: bytes, options: ort.SessionOptions) -> ort.InferenceSession:
    made = ort.InferenceSession(memory, options, providers=["CPUExecutionProvider"])
    made._model_bytes = b""  # onnxruntime keeps the whole file, for a session with other providers
    return made


class Shared:
    """A session that computes with initialisers in our memory, as they are at the time.

    Args:
        memory: the file.
        stored: [name, dtype, shape, offset, bytes] of the initialisers.
        exact: as of ``_options``.
    """

    def __init__(self, memory: Memory, initializers: Sequence[Sequence[Any]], exact: bool) -> None:
        options = _options(exact)
        options.add_session_config_entry("session.disable_prepacking", "1")
        self._starts, self._arrays, self._values = [], [], []
        for name, dtype, shape, offset, size in sorted(initializers, key=lambda s: s[3]):
            if dtype not in SHAREABLE:
                continue
            array = np.empty(shape, np.dtype(dtype))
            array.reshape(-1).view(np.uint8)[:] = memory.array[offset : offset + size]
            value = ort.OrtValue.ortvalue_from_numpy(array)
            options.add_initializer(name, value)
            self._starts.append(offset)
            self._arrays.append(array.reshape(-1).view(np.uint8))
            self._values.append((array, value))  # the session does not keep them alive
        self.session = _session(memory.raw, options)

    def xor(self, at: np.ndarray, mask: np.ndarray) -> None:
        """Flips bits of these bytes of the file.

        Raises:
            ValueError: a byte that is in no shared initialiser.
        """
        which = np.searchsorted(np.asarray(self._starts, np.int64), at, side="right") - 1
        parts = []
        for i in np.unique(which):
            local = at[which == i] - (self._starts[i] if i >= 0 else 0)
            if i < 0 or local[-1] >= len(self._arrays[i]):
                raise ResqError("these words cannot be shared with the runtime")
            parts.append((self._arrays[i], local, mask[which == i]))
        for array, local, part in parts:  # all or none
            array[local] ^= part

    def bytes_now(self) -> Sequence[memoryview]:
        """The shared memory."""
        return [a.data for a in self._arrays]


class Prepared:
    """The file with its graph optimized once by the runtime; its sessions begin without that.

    Args:
        raw: the file.
        stored: [name, dtype, shape, offset, bytes] of the words that may be flipped.
        exact: as of ``_options``.
    """

    def __init__(self, raw: bytes, stored: Sequence[Sequence[Any]], exact: bool) -> None:
        self._exact = exact
        level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL  # a session's own
        compiler = ort.ModelCompiler(_options(exact), raw, graph_optimization_level=level)
        self._graph = Memory(np.frombuffer(compiler.compile_to_bytes(), np.uint8))
        held = onnx_format.held_of(self._graph.raw)
        self._starts, self._ends, self._shifts = [], [], []
        for name, _, _, offset, size in sorted(stored, key=lambda s: s[3]):
            begin = held[name].begin if name in held else -1
            if begin < 0 or self._graph.raw[begin : begin + size] != raw[offset : offset + size]:
                continue  # folded or rearranged
            self._starts.append(offset)
            self._ends.append(offset + size)
            self._shifts.append(begin - offset)

    def session(self) -> ort.InferenceSession:
        """A session of the words as they are now."""
        options = _options(self._exact)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return _session(self._graph.raw, options)

    def xor(self, at: np.ndarray, mask: np.ndarray) -> None:
        """Flips bits of these bytes of the file.

        Raises:
            ValueError: a byte of a word that is no word of the optimized graph.
        """
        which = np.searchsorted(np.asarray(self._starts, np.int64), at, side="right") - 1
        if len(at) and (which.min() < 0 or (at >= np.asarray(self._ends)[which]).any()):
            raise ResqError("these words are others in the optimized graph")
        self._graph.array[at + np.asarray(self._shifts, np.int64)[which]] ^= mask
