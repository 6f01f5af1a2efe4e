"""What guards cost in time: the words of a whole network decoded in C, beside a pass of its images."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

from resq.core import Encoding, QuantizedModel
from resq.measure.run import machine
from resq.memory import quant
from resq.protect import decoder
from resq.protect.mixtures import Mixture
from resq.protect.subject import Subject
from resq.protect.timing.times import IMAGES

TIMES = 7  # of which the least counts
Run = Callable[[], Any]


def slower(subject: Subject, images: int = 1) -> Callable[[Mixture], float]:
    """The time of a pass with all words decoded by the C decoder before it, over that of the pass alone.

    Both are measured here, the least of several; the decoding once for each way to store, on the largest
    layer.

    Args:
        images: of a pass; the words are decoded once for all of them.

    Raises:
        LackingError: no C compiler here.
    """
    alone = _least(subject.look(images, subject.own))

    @cache
    def decoding(encoding: Encoding) -> float:
        """Seconds a weight."""
        name, q = max(subject.stored(encoding).weights.items(), key=lambda layer: layer[1].words.size)
        return _least(_decode(QuantizedModel({name: q}, {}))) / q.words.size

    def ratio(mixture: Mixture) -> float:
        each = [mixture.encoding.of(i).bare for i in range(len(mixture.sizes))]
        return 1 + sum(n * decoding(e) for n, e in zip(mixture.sizes, each, strict=True)) / alone

    return ratio


def measured(subject: Subject, encodings: Sequence[str]) -> dict[str, Any]:
    """What each of these encodings costs in time on this machine, in one run.

    Returns an object with, for each encoding, ``decode``: seconds to decode all words once, None where the
    decoder does not read them; and ``pass``: seconds of a pass of so many images, that of ``+ranger`` with
    its cuts.

    Raises:
        LackingError: no C compiler here.
    """
    plain = {n: subject.look(n, subject.own) for n in IMAGES}
    return {
        "network": subject.name, "weights": subject.hash, "images": list(IMAGES), "times": TIMES,
        "threads": torch.get_num_threads(), "processor": machine.processor(), "compiler": _compiler(),
        "rows": _alike([_row(subject, Encoding.parse(name), plain) for name in encodings]),
    }  # fmt: skip


def _alike(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the least of all plain passes, which are the same computation in each of them."""
    least = {n: min(row["pass"][n] for row in rows) for n in rows[0]["pass"]}
    return [{**row, "pass": least, "pass_own": row["pass_own"] or least} for row in rows]


def _row(subject: Subject, encoding: Encoding, plain: dict[int, Run]) -> dict[str, Any]:
    """One encoding: reading and passes are timed in turn, so that a busy moment strikes both."""
    own = {n: subject.look(n, encoding) for n in IMAGES} if encoding.ranger else {}
    runs: dict[str, Run] = {f"pass {n}": run for n, run in plain.items()}
    runs |= {f"own {n}": run for n, run in own.items()}
    if all(decoder.able(part.bare) for part in (encoding.base, encoding.other or encoding.base)):
        runs["decode"] = _decode(subject.stored(encoding.bare))
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(TIMES):
        least = {name: min(least[name], _once(run)) for name, run in runs.items()}
    return {
        "encoding": str(encoding), "decode": least.get("decode"),
        "pass": {str(n): least[f"pass {n}"] for n in IMAGES},
        "pass_own": {str(n): least[f"own {n}"] for n in own},
    }  # fmt: skip


def _decode(model: QuantizedModel) -> Run:
    """All words of a memory read by the decoder in C."""
    layers = []
    for q in model.weights.values():
        zero = quant.zeros(q)
        each = zero if len(zero) == 1 else zero[:: q.words.size // len(q.scale)]
        layers.append((*decoder.packed(q), q.words.size, q.encoding.bare, each))
    return lambda: [decoder.read(*layer) for layer in layers]


def _least(run: Run) -> float:
    return min(_once(run) for _ in range(TIMES))


def _once(run: Run) -> float:
    """Seconds of the processor, as on a machine that does nothing else; by the clock where others compute.

    A deployed file's runtime is a process of its own, whose work is none of this one's.
    """
    clock, processor = time.perf_counter(), time.process_time()
    run()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return clock if getattr(run, "elsewhere", False) else processor


def _compiler() -> str:
    answer = subprocess.run([decoder.compiler(), "--version"], capture_output=True, text=True, check=False)
    return f"{answer.stdout.splitlines()[0]}, -O2, {platform.machine()}"
