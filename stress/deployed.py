"""Mutated .tflite, .onnx and .pt2 files: each is refused in a sentence or measured; only its process may die.

The seeds decide the mutations: of bytes (flips, cuts, repeats, splices, numbers), or of what the file says
inside a sound wrapping (``rewritten``). A file that passes the reader is inspected and meets its runtime in a
worker process, as in a measurement: opened, asked for answers, flipped, undone; one in 25 goes through the
canary too. A worker serves many files, so that thousands take minutes; one that dies is replaced, and its
file is tried once more in a fresh one. What this process opens is watched; what lies around is listed before
and after.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from resq.cli import inspect
from resq.core import BitFlips, seeds
from resq.deployed import canary
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.deployed.process import Process
from stress import rewritten, tiny
from stress.harness import audit_hook

PATIENCE = 20.0  # seconds for one answer
LONGEST = 700  # characters of a sentence
SERVED = 200  # files of one worker
OUTCOMES = ("refused by the reader", "refused by the runtime", "its process died", "measured")
NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0\0\0")
NULL = "write /dev/null"  # what the worker says on standard error goes there
ASKED = {".onnx": Asked((0.0, 1.0)), ".tflite": Asked(), ".pt2": Asked((0.0, 1.0))}


class Impatient(Process):
    """A worker process that is ended when one answer takes too long."""

    def ask(self, do: str, arrays: Sequence[np.ndarray] = (), patience: float = PATIENCE, **head: Any) -> Any:
        """As ``Process`` does."""
        return super().ask(do, arrays, patience, **head)


class Served(Network):
    """A network whose worker has served others before."""

    worker: Impatient | None = None
    age = 0

    def _running(self) -> Process:
        if self._process is None:
            if Served.worker is None or Served.age >= SERVED:
                Served.end()
                Served.worker, Served.age = Impatient(2**20), 0
            Served.age += 1
            self._process = process = Served.worker
            try:
                self._open(process)
            except BaseException:
                self._process = None
                raise
        return self._process

    def close(self) -> None:
        """Leaves the worker to the next file, unless it has died."""
        if (
            self._process is not None
            and Served.worker is not None
            and Served.worker._process.poll() is not None
        ):
            Served.end()
        self._process, self._sent = None, {}

    @classmethod
    def end(cls) -> None:
        """Ends the worker."""
        if cls.worker is not None:
            cls.worker.close()
        cls.worker = None


def mutated(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """The file with one to four changes: bits, bytes, numbers, cuts, repeats, swaps, pieces of another."""
    made = bytearray(raw)
    for _ in range(int(rng.integers(1, 5))):
        how, at = int(rng.integers(8)), int(rng.integers(max(1, len(made))))
        size = int(rng.integers(1, 65))
        if how <= 1 and made:
            made[at] ^= 1 << int(rng.integers(8))
        elif how == 2 and made:
            made[at] = int(rng.integers(256))
        elif how == 3:
            at -= at % 4
            made[at : at + 4] = NUMBERS[int(rng.integers(len(NUMBERS)))]
        elif how == 4 and rng.random() < 0.3:
            del made[at:]
        elif how == 5:
            made[at:at] = made[at : at + size]
        elif how == 6:
            made[at : at + size] = bytes(size)
        elif how == 7:
            begin = int(rng.integers(max(1, len(other))))
            made[at : at + size] = other[begin : begin + size]
    return bytes(made)


def outcome(file: Path, x: np.ndarray, whole: bool = False) -> tuple[str, str]:
    """What becomes of a file, and the sentence; "crash" where it is none of OUTCOMES. ``whole``: canary."""
    try:
        network = Served(file, "all", ASKED[file.suffix], threads=1)
        if not network.pixels:
            return "crash", "no pixels"
    except ValueError as error:
        return OUTCOMES[0], str(error)
    except Exception as error:
        return "crash", _kind(error)
    try:
        return _measured(network, x, whole)
    except ValueError as error:
        died = "own process" in str(error) or "in time" in str(error)
        return OUTCOMES[2 if died else 1], str(error)
    except Exception as error:
        return "crash", _kind(error)
    finally:
        if Served.worker is not None and Served.worker._process.poll() is not None:
            Served.end()
        network.close()


def _measured(network: Served, x: np.ndarray, whole: bool) -> tuple[str, str]:
    """Answers before, with and after flips; those before and after must be the same."""
    with contextlib.redirect_stdout(None):
        inspect._print(inspect.about(network))
    clean, digest = network.logits(x), network.digest()
    bits = network.layout.n_bits
    at = np.unique(np.linspace(0, bits - 1, 40).astype(np.int64))
    with network.flipped(BitFlips(at, np.zeros(len(at)))):
        network.logits(x)
    again = network.logits(x)
    if whole:
        canary.settle(network, x)
    if network.digest() != digest:
        return "crash", "its bytes are others once flips are undone"
    return OUTCOMES[3], "" if again.tobytes() == clean.tobytes() else "answers differ from run to run"


def _kind(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:120]} ({Path(where.filename).name}:{where.lineno})"


def sentence(said: str, name: str) -> bool:
    """Whether a refusal is one line that names the file and says something of it, no trace of Python."""
    words = said.split()
    return (
        name in said and len(words) > 3 and len(said) < LONGEST and said.isprintable()
        and "Traceback" not in said and 'File "' not in said
    )  # fmt: skip


def listing(*folders: Path) -> dict[str, str]:
    """Every file below these folders: path -> hash."""
    files = [f for folder in folders for f in sorted(folder.rglob("*")) if f.is_file() and not f.is_symlink()]
    own = [f for f in files if not {"__pycache__", ".git"} & set(f.parts)]
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in own}


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[Path]:
    """A home, a place for temporary files and a folder to stand in, all of them one with a file in it."""
    around = folder / "around"
    around.mkdir(exist_ok=True)
    (around / "diary.txt").write_text("as it was")
    before, here = {name: os.environ.get(name) for name in ("HOME", "TMPDIR")}, Path.cwd()
    os.environ.update(dict.fromkeys(before, str(around)))
    os.chdir(around)
    try:
        yield around
    finally:
        os.chdir(here)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def mutant(sound: Sequence[bytes], suffixes: Sequence[str], i: int) -> tuple[bytes, str]:
    """The bytes of the i-th file and its suffix: carriers in turn, bytes and contents in turn."""
    rng, kind = seeds.rng(i, "deployed files"), (i % 3) if i % 6 else 3  # every second .onnx is quantized
    if i // 6 % 2:
        return rewritten.rewritten(sound[kind], suffixes[kind], rng), suffixes[kind]
    return mutated(sound[kind], sound[kind - 1], rng), suffixes[kind]


def run(folder: Path, inputs: int, first: int = 0) -> dict[str, Any]:
    """So many mutated files, from the seed ``first`` on, as many of each carrier; counts and examples."""
    made = [tiny.onnx_file(folder / "sound.onnx"), tiny.tflite_file(folder / "sound.tflite"),
            tiny.pt2_file(folder / "sound.pt2"), tiny.qdq_file(folder / "quantized.onnx")]  # fmt: skip
    sound, suffixes = [file.read_bytes() for file in made], [file.suffix for file in made]
    began, seen, examples = time.monotonic(), Counter[str](), dict[str, str]()
    own = folder / "files"
    own.mkdir(exist_ok=True)
    with surroundings(folder) as around:
        before = listing(around, audit_hook.ROOT)
        for i in range(first, first + inputs):
            raw, suffix = mutant(sound, suffixes, i)
            file = own / f"net{suffix}"
            file.write_bytes(raw)
            _tried(file, i, folder, seen, examples)
            file.unlink()
        Served.end()
        after = listing(around, audit_hook.ROOT)
    touched = sorted({name for name, _ in before.items() ^ after.items()})
    seen["escapes"] += len(touched)
    examples |= {name: f"{name} is another file than before" for name in touched[:5]}
    taken = round(time.monotonic() - began)
    return {"inputs": inputs, "first": first, "seconds": taken, "crashes": 0, "escapes": 0,
            **dict(sorted(seen.items())), "examples": list(examples.values())[:20]}  # fmt: skip


def _tried(file: Path, i: int, folder: Path, seen: Counter[str], examples: dict[str, str]) -> None:
    """Tries a file and counts what became of it."""
    x = np.random.default_rng(0).integers(0, 256, (3, 1, 12, 10), dtype=np.uint8)
    with audit_hook.watched(folder) as escapes:
        kind, said = outcome(file, x, i % 25 == 0)
    seen[f"{file.suffix}: {kind}"] += 1
    notes = [note for note in escapes if "resq.deployed.worker" not in note and note != NULL]
    beside = [p.name for p in file.parent.iterdir() if p != file]
    bad = kind == "crash" or (kind != OUTCOMES[3] and not sentence(said, file.name))
    seen["crashes"] += bad
    seen["escapes"] += len(notes) + len(beside)
    if bad or notes or beside:
        examples[said[:80]] = f"seed {i}, {kind}: {said} {notes[:2]} {beside[:2]}"
