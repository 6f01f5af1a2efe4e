"""The same sweep by the façade and by the command, in one process: what the façade adds to it."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import resq
from benchmarks.subjects import BER, NAME
from benchmarks.timing import Figure, figure
from resq import checkpoints, cli, data
from resq.core.errors import ResqError
from resq.measure.run.sweep import Measurer

Work = Callable[[int, int], object]


def compare(quick: bool) -> dict[str, Figure]:
    """A sweep of ResNet18 by five lines over the same by the command, in turn; and what lies beside its rows.

    In seconds of the processor: other work on the machine hardly moves them. Rows are measured by one code
    for both, so what the façade takes outside of them (loading, hashes, the result) is all that can differ.
    """
    if NAME not in checkpoints.names() or not data.present("cifar10"):
        raise ResqError(f"the weights of {NAME} or the images of cifar10 are not on this machine")
    n, maps, turns = (50, 1, 1) if quick else (1000, 20, 2)
    works: dict[str, Work] = {"command": command, "facade": facade}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for work in works.values():
        work(1, n)  # weights and images are on the disk's cache, libraries are loaded
    for turn in range(turns):
        for name in sorted(works, reverse=bool(turn % 2)):
            with row_times() as rows:
                whole = spent(partial(works[name], maps, n))
            taken[name].append((whole, whole - sum(rows)))
    least = {name: min(whole for whole, _ in times) for name, times in taken.items()}
    beside = {name: min(rest for _, rest in times) for name, times in taken.items()}
    note = (
        f"{n} images, {maps} maps, least of {turns}, seconds of the processor: {least['facade']:.2f} against "
        f"{least['command']:.2f}; beside the rows {beside['facade']:.3f} against {beside['command']:.3f}"
    )
    added = max(0.0, beside["facade"] - beside["command"]) / least["command"]
    return {
        "facade over the command": figure(least["facade"] / least["command"], 1.01, "x", note=note),
        "facade: what it adds beside the rows": figure(100 * added, 1, "%", note=note),
    }


def spent(work: Callable[[], object]) -> float:
    """Seconds of the processor, of all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def command(maps: int, n: int) -> None:
    """The command, with its table as JSON."""
    words = ["sweep", NAME, "--encoding", "int8", "--ber", f"0,{BER:g}", "--maps", str(maps), "--n", str(n)]
    with contextlib.redirect_stdout(io.StringIO()):
        if cli.main([*words, "--json"]):
            raise ResqError(f"the command failed: {' '.join(words)}")


def facade(maps: int, n: int) -> None:
    """The five lines, without the figure, which the command does not draw."""
    model = resq.load(NAME)
    x, y = resq.load_images("cifar10", n=n)
    resq.sweep(model, x, y, encoding="int8", ber=[0, BER], maps=maps, seed=0, progress=False)


@contextlib.contextmanager
def row_times() -> Iterator[list[float]]:
    """Seconds of the processor for each row that is measured in here."""
    row, taken = Measurer.row, list[float]()

    def timed(measurer: Measurer, *given: Any) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        taken.append(spent(lambda: found.append(row(measurer, *given))))
        return found[0]

    Measurer.row = timed  # type: ignore[method-assign, assignment]
    try:
        yield taken
    finally:
        Measurer.row = row  # type: ignore[method-assign]
