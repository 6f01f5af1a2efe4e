"""ONNX Runtime: flips in memory that it shares with us, or in the file's bytes with a session for every map.

It packs weights when a session begins, and computes with the packed ones: flips in shared initialisers reach
only a part of the layers unless prepacking is switched off (onnxruntime 1.32.0). What its optimizer folds or
rearranges is not reached that way at all. So both ways are offered, and which may be used is found out for
each file, tensor by tensor (``resq.deployed.canary``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from resq.core.errors import ResqError
from resq.deployed.runtimes import LARGE, padded

SHARED, FRESH = "shared memory", "session"
# What OrtValues can be made of; words of other types are flipped in the file's bytes.
SHAREABLE = ("float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "bool")


class Engine:
    """An ONNX file on the CPU provider.

    Args:
        memory: the file's bytes, which flips are made in.
        about: ``threads``, and ``stored``: [name, dtype, shape, offset, bytes] of what may be flipped.
    """

    ways = (FRESH, SHARED)

    def __init__(self, memory: np.ndarray, about: dict[str, Any]) -> None:
        self.name = f"onnxruntime {ort.__version__}"
        self._threads, self._initializers = int(about["threads"]), about["stored"]
        self._memory = memory
        self._flips: tuple[np.ndarray, np.ndarray] | None = None
        self._clean: ort.InferenceSession | None = self._fresh()
        self._taken = self._clean.get_inputs()[0].type.removeprefix("tensor(").removesuffix(")")
        self._flipped: ort.InferenceSession | None = None
        self._shared: Shared | None = None

    def use(self, way: str) -> None:
        """Brings flips in this way from now on."""
        self.undo()
        self._shared = None
        if way == SHARED:
            self._clean = None
            self._shared = Shared(self._memory, self._initializers, self._options())

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
        else:
            self._memory[at] ^= mask

    def _options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Threads that wait by spinning take the cores from whoever else computes, tenfold on a busy machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        return options

    def _fresh(self) -> ort.InferenceSession:
        return _session(self._memory.tobytes(), self._options())

    def _now(self) -> ort.InferenceSession:
        if self._shared:
            return self._shared.session
        if self._flips is None:
            self._clean = self._clean or self._fresh()
            return self._clean
        if self._flipped is None:
            if len(self._memory) > LARGE:
                self._clean = None
            self._flipped = self._fresh()
        return self._flipped

    def input(self) -> tuple[str, float, int]:
        """Dtype of the input; ONNX says no scale of it."""
        return {"float": "float32"}.get(self._taken, self._taken), 0.0, 0

    def run(self, values: np.ndarray, batch: int) -> np.ndarray:
        """The output, float32 (N, classes)."""
        session, parts = self._now(), []
        name = session.get_inputs()[0].name
        for begin in range(0, len(values), batch):
            part = padded(values[begin : begin + batch], batch)
            parts.append(np.asarray(session.run(None, {name: part})[0]).reshape(batch, -1))
        return np.concatenate(parts)[: len(values)].astype(np.float32)

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


def _session(memory: bytes, options: ort.SessionOptions) -> ort.InferenceSession:
    made = ort.InferenceSession(memory, options, providers=["CPUExecutionProvider"])
    made._model_bytes = b""  # onnxruntime keeps the whole file, for a session with other providers
    return made


class Shared:
    """A session that computes with initialisers in our memory, as they are at the time.

    Args:
        memory: the file.
        stored: [name, dtype, shape, offset, bytes] of the initialisers.
    """

    def __init__(
        self, memory: np.ndarray, initializers: Sequence[Sequence[Any]], options: ort.SessionOptions
    ) -> None:
        options.add_session_config_entry("session.disable_prepacking", "1")
        self._starts, self._arrays, self._values = [], [], []
        for name, dtype, shape, offset, size in sorted(initializers, key=lambda s: s[3]):
            if dtype not in SHAREABLE:
                continue
            array = np.empty(shape, np.dtype(dtype))
            array.reshape(-1).view(np.uint8)[:] = memory[offset : offset + size]
            value = ort.OrtValue.ortvalue_from_numpy(array)
            options.add_initializer(name, value)
            self._starts.append(offset)
            self._arrays.append(array.reshape(-1).view(np.uint8))
            self._values.append((array, value))  # the session does not keep them alive
        self.session = _session(memory.tobytes(), options)

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
