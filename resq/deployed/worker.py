"""The process that runs a deployed file: reads messages on standard input, answers on standard output.

A file may crash its runtime; then this process ends and no other. It may write no file, and takes no more
memory than it was told.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Any, BinaryIO

import numpy as np

from resq.deployed import wire
from resq.deployed.pixels import Pixels
from resq.deployed.runtimes import Engine, Memory, engine
from resq.platform import malloc

Message = tuple[dict[str, Any], list[np.ndarray]]
CACHED = 2**29  # bytes of inputs that are kept ready
KEPT = 4  # sets of images
PART = 100  # images that are converted at once


class Served:
    """What one process holds: an engine, images and the inputs made of them."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.pixels: Pixels | None = None
        self.batch = 1
        self._about: dict[str, Any] = {}
        self._memory = Memory(np.empty(0, np.uint8))
        self._names: dict[str, None] = {}  # of sets of images, the oldest first
        self.images: dict[str, np.ndarray] = {}  # those of which no inputs are kept
        self._inputs: dict[tuple[str, str, float, int], np.ndarray] = {}

    def answer(
        self, head: dict[str, Any], arrays: list[np.ndarray]
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """The answer to a message."""
        do = getattr(self, f"do_{head['do']}")
        result: tuple[dict[str, Any], list[np.ndarray]] = do(head, arrays)
        return result

    def do_open(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """Opens a file."""
        self._about, self._memory = head["about"], Memory(arrays.pop())
        if self._about["carrier"] != "pt2":  # torch asks for the same activations again and again
            malloc.return_large()
        self.pixels = Pixels(**self._about["pixels"])
        self.engine = self._opened()
        exact = getattr(self.engine, "exact", True)
        return {"runtime": self.engine.name, "ways": list(self.engine.ways), "exact": exact}, []

    def _opened(self) -> Engine:
        return engine(self._about["carrier"], self._memory, self._about)

    def do_use(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """Chooses the number of threads, the way in which flips are brought, and the batch."""
        threads = head.get("threads")
        if threads and threads != self._about["threads"]:
            self._engine.undo()
            self._about["threads"], self.engine = threads, None  # the old one goes before memory is taken
            self.engine = self._opened()
        if head.get("way"):
            self._engine.use(head["way"])
        self.batch = head.get("batch") or self.batch
        return {}, []

    def do_images(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """Keeps images under a name; those of another name are forgotten when there are many."""
        name = head["name"]
        gone = {name} if name in self._names or len(self._names) < KEPT else {name, next(iter(self._names))}
        self._names = {**{k: None for k in self._names if k not in gone}, name: None}
        self.images = {k: v for k, v in self.images.items() if k not in gone}
        self._inputs = {k: v for k, v in self._inputs.items() if k[0] not in gone}
        self.images[name] = arrays.pop()
        return {}, []

    def do_flip(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """Flips bits, after what was flipped before is undone."""
        self._engine.undo()
        self._engine.flip(*arrays)
        return {}, []

    def do_undo(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """Undoes the flips."""
        self._engine.undo()
        return {}, []

    def do_digest(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """SHA-256 of the memory that flips are made in."""
        import hashlib  # OpenSSL: megabytes that a measurement does without

        digest = hashlib.sha256()
        for part in self._engine.bytes_now():
            digest.update(part)
        return {"digest": digest.hexdigest()}, []

    def do_logits(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """The answers to images that are kept, or that came with the message; "again": send them anew."""
        name = head.get("name")
        quantizer = self._engine.input()
        if name and name not in self.images and (name, *quantizer) not in self._inputs:
            return {"again": True}, []
        values = self._kept_inputs(name, quantizer) if name else self._converted(arrays[0], *quantizer)
        return {}, [self._engine.run(values, self.batch)]

    def do_by_default(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """What the runtime answers where no option is set; nothing where none is set here either."""
        by_default = getattr(self._engine, "by_default", None)
        if by_default is None:
            return {}, []
        return {}, [by_default(self._converted(arrays[0], *self._engine.input()), self.batch)]

    def do_outputs(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """All outputs for images that came with the message, as the runtime gives them."""
        values = self._converted(arrays[0], *self._engine.input())
        return {}, self._engine.outputs(values, self.batch)

    @property
    def _engine(self) -> Engine:
        assert self.engine is not None, "a file is opened first"
        return self.engine

    def _kept_inputs(self, name: str, quantizer: tuple[str, float, int]) -> np.ndarray:
        """The inputs made of kept images, themselves kept where they are not too many."""
        key = (name, *quantizer)
        if key in self._inputs:
            return self._inputs[key]
        made = self._converted(self.images[name], *quantizer)
        if made.nbytes <= CACHED:
            self._inputs = {k: v for k, v in self._inputs.items() if k[0] != name}
            self._inputs[key] = made
            del self.images[name]  # sent again where flips make another scale of the input
        return made

    def _converted(self, x: np.ndarray, dtype: str, scale: float, zero: int) -> np.ndarray:
        assert self.pixels is not None
        first = _coded(self.pixels.values(x[:1]), dtype, scale, zero)
        made = np.empty((len(x), *first.shape[1:]), first.dtype)
        for begin in range(0, len(x), PART):  # floats of a part at a time: they are four times the pixels
            part = self.pixels.values(x[begin : begin + PART])
            made[begin : begin + PART] = _coded(part, dtype, scale, zero)
        return made


def _coded(values: np.ndarray, dtype: str, scale: float, zero: int) -> np.ndarray:
    """Numbers as the input takes them."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return values.astype(kind, copy=False)
    limits = np.iinfo(kind)
    with np.errstate(all="ignore"):  # a flipped scale may be no number
        codes = np.rint(values / np.float32(scale)) + zero if scale else np.rint(values)
    return np.nan_to_num(np.clip(codes, limits.min, limits.max)).astype(kind)


def serve(source: BinaryIO, to: BinaryIO) -> None:
    """Answers messages until the other side has gone."""
    waiting: queue.Queue[Message] = queue.Queue()
    threading.Thread(target=_read, args=(source, waiting), daemon=True).start()
    served = Served()
    while True:
        head, arrays = waiting.get()
        try:
            answer, results = served.answer(head, arrays)
        except ImportError as error:
            answer, results = {"missing": str(error)[:500]}, []
        except Exception as error:  # runtimes raise classes of their own
            answer, results = {"refused": f"{type(error).__name__}: {error}"[:1000]}, []
        wire.send(to, answer, results)


def _read(source: BinaryIO, waiting: queue.Queue[Message]) -> None:
    """Ends the process as soon as whoever started it is gone, whatever the runtime is doing."""
    try:
        while True:
            waiting.put(wire.receive(source))
    except (EOFError, ValueError, OSError):
        os._exit(0)


def _limit(memory: int) -> None:
    """No file is written, no core dumped, and memory has an end."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def main() -> None:
    """Serves on the standard streams; what libraries print goes to standard error."""
    sys.dont_write_bytecode = True
    to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    serve(sys.stdin.buffer, to)


if __name__ == "__main__":
    main()
