"""A deployed network: a file whose stored words flip, and whose answers come from its own runtime."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np

from resq.core import BitFlips, Layout
from resq.core.errors import ResqError
from resq.core.paths import work
from resq.deployed import pixels as pixels_module
from resq.deployed import words
from resq.deployed.formats import FORMATS
from resq.deployed.modules import MODULES, exported
from resq.deployed.pixels import Asked, Pixels
from resq.deployed.process import DiedError, MissingError, Process, RuntimeRefusedError
from resq.deployed.runtimes import ENGINES
from resq.deployed.words import Parsed, RefusedError
from resq.memory import bits

LARGEST = 512 * 2**20  # bytes; flips are made in memory
KEPT = 4  # sets of images that a process keeps
AS_IT_SAYS = Asked()


def is_file(name: str) -> bool:
    """Whether a name is that of a deployed file and not of a checkpoint."""
    return Path(name).suffix.lower() in FORMATS


def find(name: str | Path) -> Path:
    """The file of a path, of a name that ``named`` made of a file that was brought, or of a plugin's module.

    Raises:
        ValueError: there is none.
    """
    path = Path(name)
    brought = work() / "deployed" / path.name
    for file in (path, brought):
        with suppress(OSError, ValueError):  # longer than names may be, a zero byte
            if file.is_file():
                return file
    if path.suffix.lower() == ".pt2" and path.stem in MODULES:
        return exported(path.stem)
    raise ResqError(f"no file at {path}")


def file_hash(name: str | Path) -> str:
    """First 16 hex digits of a file's SHA-256.

    Raises:
        ValueError: there is none.
    """
    file = find(name)
    about = file.stat()
    return _hashed(file, about.st_mtime_ns, about.st_size)


@lru_cache(64)
def _hashed(file: Path, *_: int) -> str:
    with file.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()[:16]


def named(file: str | Path, digest: str) -> str:
    """What rows call a file of this hash.

    >>> named("some/where/net.tflite", "3c002613d1b2475e")
    'net@3c002613.tflite'
    """
    path, mark = Path(file), f"@{digest[:8]}"
    return f"{path.stem.removesuffix(mark)}{mark}{path.suffix}"


def runtime(name: str | Path) -> str:
    """The package that runs such a file, with the version that is installed; "" after its name: none is."""
    package = ENGINES[Path(name).suffix.lower().removeprefix(".")][1].split("==")[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} "


def read(file: str | Path) -> tuple[bytes, Parsed]:
    """A file's bytes and what it stores.

    Raises:
        ValueError: no such file, too large, or not one that can be measured; the sentence says why.
    """
    path = find(file)
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ResqError(f"{path.name} has {size} bytes; a deployed file may have {LARGEST}")
        raw = path.read_bytes()
    except OSError as error:
        raise ResqError(f"{path} cannot be read: {error.strerror}") from None
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ResqError(f"{path.name} is of no known kind; a deployed network is one of {', '.join(FORMATS)}")
    try:
        parsed = FORMATS[suffix](raw)
        if not parsed.stored:
            raise RefusedError("stores no numbers: there is nothing in it to flip")
    except RefusedError as error:
        raise ResqError(f"{path.name} {error}") from None
    return raw, replace(parsed, notes=(*parsed.notes, *words.others(parsed.stored)))


@dataclass(frozen=True, eq=False)
class Words:
    """The words of one tensor, as a fault model looks at them."""

    words: np.ndarray


class Network:
    """A deployed file, its chosen words and the process that runs it. Close it, or use it in a ``with``.

    Args:
        file: a path.
        targets: whose bits may flip, as in ``words.kinds``.
        asked: what the file does not say of its input.
        threads: of the runtime, at most; 0: $OMP_NUM_THREADS, or as many as there are cores.

    Attributes:
        hash: first 16 hex digits of the file's SHA-256.
        layout: the chosen words' bits, in the order of the graph.
        differentiable: False: a runtime gives no gradients.
        runtime: its name and version, "" until the first answer.
        exact: whether it sums up products of integers exactly on this processor, True until the first answer.
        refusals: sentences of the runtime where it refused the file with flips.
        most: threads that it may have.
        way, batch, threads: how flips are brought to it and images are run, see ``canary.settle``.

    Raises:
        ValueError: as ``read`` says, or the input is not described and nobody said it, or nothing of these
            targets is in the file.
    """

    differentiable = False

    def __init__(
        self, file: str | Path, targets: str = "weights", asked: Asked = AS_IT_SAYS, threads: int = 0
    ) -> None:
        self.file, self.targets, self.asked = find(file), targets, asked
        raw, self.parsed = read(file)
        self.hash = hashlib.sha256(raw).hexdigest()[:16]
        self.threads = self.most = threads or _threads()
        self.way, self.batch, self.runtime = "", _own_batch(self.parsed), ""
        self.exact = True
        self.stored = words.chosen(self.parsed.stored, targets)
        if not self.stored:
            there = sorted({s.kind for s in self.parsed.stored})
            raise ResqError(f"{self.file.name} stores no {targets}; it has {', '.join(there)}")
        self._process: Process | None = None
        self._flips: tuple[np.ndarray, np.ndarray] | None = None
        self._sent: dict[str, np.ndarray] = {}
        self.refusals: list[str] = []

    @property
    def name(self) -> str:
        """What rows call it: the file's name with the beginning of its hash."""
        return named(self.file, self.hash)

    @cached_property
    def pixels(self) -> Pixels:
        """How images become the input.

        Raises:
            ValueError: the file does not say it and nobody did.
        """
        try:
            return pixels_module.settled(self.parsed.input, self.asked)
        except RefusedError as error:
            raise ResqError(f"{self.file.name} {error}") from None

    @cached_property
    def layout(self) -> Layout:
        """The chosen words' bits."""
        return words.layout(self.stored)

    @cached_property
    def weights(self) -> Mapping[str, Words]:
        """What is stored in each chosen tensor, for fault models that look at it."""
        raw = np.frombuffer(self.parsed.memory, np.uint8)
        return MappingProxyType({s.name: Words(words.unsigned(raw, s)) for s in self.stored})

    @property
    def ends(self) -> dict[str, tuple[float, int]]:
        """Scale and zero point of the input and of the output, as the file says them; scale 0: none."""
        ends = {"input": self.parsed.input, "output": self.parsed.output}
        return {name: (end.scale, end.zero) for name, end in ends.items()}

    def places(self, flips: BitFlips) -> tuple[np.ndarray, np.ndarray]:
        """The bytes of the memory that flips change, ascending, and what to xor each with.

        Raises:
            ValueError: a flip outside the layout.
        """
        at, starts = flips.addresses, self.layout.starts
        if len(at) and (at[0] < 0 or at[-1] >= starts[-1]):
            raise ResqError(
                f"flip addresses span {at[0]}..{at[-1]}, the targets have bits 0..{starts[-1] - 1}"
            )
        layer = np.searchsorted(starts, at, side="right") - 1
        first = np.asarray([s.offset for s in self.stored], np.int64) * 8
        place = np.sort(at - starts[layer] + first[layer])
        return bits.masks(place, 8, np.dtype("u1"))

    def logits(self, x: np.ndarray) -> np.ndarray:
        """What the runtime answers, with the flips that are made now, float32 (N, classes).

        Where flips are made and the runtime refuses the file with them, or crashes on it twice, it gives no
        answer: NaN.

        Args:
            x: (N, 3, H, W) or (N, 1, H, W), uint8, or float32 in [0, 1].

        Raises:
            ValueError: the runtime does not run the file as it is.
        """
        for again in (True, False):
            try:
                return self._answers(x)
            except DiedError as error:
                self.close()  # once more in a fresh process: chance is no result
                refused: RefusedError = error
                if again:
                    continue
            except RuntimeRefusedError as error:
                refused = error
            break
        if self._flips is None:
            raise ResqError(f"{self.file.name} {refused}")
        self.refusals.append(str(refused))
        return np.full((len(x), self.classes), np.nan, np.float32)

    def by_default(self, x: np.ndarray) -> np.ndarray | None:
        """As ``logits``, where a program sets no option of the runtime; None: here none is set either."""
        answers = self._running().ask("by_default", [self.pixels.fitted(x)])[1]
        return answers[0] if answers else None

    def _answers(self, x: np.ndarray) -> np.ndarray:
        """The answers of the process; images that nobody can write into are sent once."""
        process = self._running()
        if x.flags.writeable:
            return process.ask("logits", [self.pixels.fitted(x)])[1][0]
        name = str(id(x))
        if self._sent.get(name) is not x:
            if len(self._sent) >= KEPT:
                del self._sent[next(iter(self._sent))]
            process.ask("images", [self.pixels.fitted(x)], name=name)
            self._sent[name] = x
        about, results = process.ask("logits", name=name)
        if about.get("again"):
            process.ask("images", [self.pixels.fitted(x)], name=name)
            results = process.ask("logits", name=name)[1]
        return results[0]

    @contextmanager
    def flipped(self, flips: BitFlips) -> Iterator[Self]:
        """The network with these bits flipped; on leaving, byte for byte what it was."""
        assert self._flips is None, "one set of flips at a time"
        self._flips = self.places(flips) if len(flips) else None
        try:
            if self._flips:
                self._running().tell("flip", list(self._flips))
            yield self
        finally:
            self._flips = None
            if self._process:
                with suppress(RefusedError):
                    self._process.tell("undo")

    def digest(self) -> str:
        """SHA-256 of the memory that flips are made in, as the runtime's process has it."""
        return str(self._running().ask("digest")[0]["digest"])

    def use(self, way: str = "", batch: int = 0, threads: int = 0) -> None:
        """Brings flips in this way, and runs images in batches of this size on so many threads."""
        if threads not in (0, self.threads):  # the runtime is opened anew, in the way of before
            way = way or self.way
        self._running().ask("use", way=way, batch=batch, threads=threads)
        self.way, self.batch, self.threads = way or self.way, batch or self.batch, threads or self.threads

    @cached_property
    def classes(self) -> int:
        """How many numbers it gives for an image."""
        known = self.parsed.output.shape[-1:]
        if known and known[0] > 0:
            return int(known[0])
        if self._flips is not None:  # the runtime may refuse them, so that nothing could be counted
            with Network(self.file, self.targets, self.asked, self.most) as plain:
                return plain.classes
        blank = np.zeros((1, self.pixels.channels, self.pixels.height, self.pixels.width), np.uint8)
        return int(self.logits(blank).shape[1])

    def _running(self) -> Process:
        """The process, begun where there is none, in the state that this one is in."""
        if self._process is None:
            self._process = process = Process(len(self.parsed.memory))
            try:
                self._open(process)
            except BaseException:
                self.close()
                raise
        return self._process

    def _open(self, process: Process) -> None:
        tensors = [(s.name, s.dtype, s.shape, s.offset, s.n_bytes) for s in self.stored]
        memory, pixels = np.frombuffer(self.parsed.memory, np.uint8), vars(self.pixels)
        about = {"carrier": self.parsed.carrier, "threads": self.threads, "stored": tensors, "pixels": pixels,
                 "ends": self.ends}  # fmt: skip
        try:
            answer, _ = process.ask("open", [memory], about=about)
        except RefusedError as error:
            raise ResqError(f"{self.file.name} {error}") from None
        except MissingError:
            package = ENGINES[self.parsed.carrier][1]
            raise ResqError(
                f"{self.file.name} is run by {package.split('==')[0]}, which is not installed: "
                f"pip install {package}"
            ) from None
        self.runtime, self.ways, self.exact = answer["runtime"], tuple(answer["ways"]), answer["exact"]
        process.ask("use", way=self.way, batch=self.batch)
        if self._flips:
            process.ask("flip", list(self._flips))

    def close(self) -> None:
        """Ends the process; the next question begins another."""
        if self._process:
            self._process.close()
        self._process = None
        self._sent = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _threads() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(limit) if limit.isdecimal() else cores))


def _own_batch(parsed: Parsed) -> int:
    """How many images the file takes at once; 1 where it takes any number."""
    first = parsed.input.shape[0] if parsed.input.shape else 1
    return first if first > 0 else 1
