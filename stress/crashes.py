"""Faults of files, jobs, servers and clusters: half a file, a folder that is gone, a killed process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from stress.harness import server
from stress.harness.cli_process import forked, killed, listen, sentence
from stress.harness.notes import Notes, note
from stress.harness.visitor import Visitor


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """These variables for the time of a block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def half_cache(folder: Path, notes: Notes, times: int, rng: np.random.Generator) -> None:
    """A file of decoded images that was cut off, emptied or overwritten: it is made anew."""
    arrays: dict[str, np.ndarray] = {
        "pixels": rng.integers(0, 256, (50, 3, 32, 32), dtype=np.uint8),
        "y": np.arange(50),
    }
    for number in range(times):
        with environment(RESQ_CACHE=str(folder / "cache")):
            said = _halved(folder / "cache", f"stamp {number}", arrays, number % 3, rng)
        note(notes, "half a cache file", "nothing: the images are decoded again", said)


def _halved(
    cache: Path, stamp: str, arrays: dict[str, np.ndarray], how: int, rng: np.random.Generator
) -> str:
    """Damages one file of the cache and asks for what it held; empty, or what is wrong."""
    from resq.data import folders

    folders.cached_arrays(stamp, lambda: dict(arrays))
    file = max(cache.glob("*.npz"), key=lambda p: p.stat().st_mtime_ns)
    raw = file.read_bytes()
    at = int(rng.integers(0, len(raw)))
    file.write_bytes([raw[:at], b"", bytes(at) + raw[at:]][how])
    again = folders.cached_arrays(stamp, lambda: dict(arrays))
    return "" if all(np.array_equal(arrays[name], again[name]) for name in arrays) else "other images"


def killed_save(folder: Path, notes: Notes, times: int, rng: np.random.Generator) -> None:
    """Kill -9 while a checkpoint is replaced again and again: what is there is one of the two, whole."""
    from resq import checkpoints

    states = [{"a": np.full((64, 1024), value, np.float32)} for value in (1, 2)]
    own = folder / "saves"
    file = checkpoints.save("signs/resnet20/own", states[0], ("a",), {}, own)

    def again() -> int:
        print("begun", flush=True)
        while True:
            for state in states:
                checkpoints.save("signs/resnet20/own", state, ("a",), {}, own)

    for _ in range(times):
        child = listen(forked(again), 60, lambda c: "begun" in c.text)
        time.sleep(float(rng.uniform(0, 0.08)))
        killed(child)
        wrong = ""
        try:
            values = set(np.unique(checkpoints.load(str(file)).state["a"]).tolist())
            wrong = "" if values in ({1.0}, {2.0}) else f"a mixture of both: {values}"
        except ValueError as error:
            wrong = str(error)
        note(notes, "killed while saving a checkpoint", "the old checkpoint or the new one", wrong)


def gone_data(folder: Path, notes: Notes, times: int) -> None:
    """The folder of pictures is taken away between two loads, and comes back."""
    from PIL import Image

    from resq.data.pictures import image_folder

    for part in ("train/a", "test/a"):
        (folder / "data" / part).mkdir(parents=True)
        Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / "data" / part / "one.png")
    source, said = image_folder(folder / "data"), ""
    with environment(RESQ_CACHE=str(folder / "cache")):
        for _ in range(times):
            before = source.load("test", False).hash
            shutil.move(folder / "data", folder / "away")
            try:
                source.load("test", False)
            except (FileNotFoundError, ValueError) as error:
                said = str(error)
            shutil.move(folder / "away", folder / "data")
            told = said and "Errno" not in said
            same = source.load("test", False).hash == before
            note(notes, "data folder removed", said, "" if told and same else f"{said!r}, or other images")


def not_numbers(notes: Notes, times: int) -> None:
    """Flipped exponent bits make weights infinite or NaN: it is said, and the network is whole again."""
    import torch

    from resq import checkpoints
    from resq.core import BitFlips, Encoding
    from resq.measure.engine.faulty_network import FaultyNetwork

    bench = FaultyNetwork(checkpoints.load("signs/resnet20/base"), Encoding.parse("fp32"))
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        clean = bench.network(x)
        for number in range(times):
            layer = bench.model.layout.layers[number % len(bench.model.layout.layers)]
            words = bench.model.weights[layer].words.reshape(-1)
            word = int(np.argmax(words >> 23 & 0xFF))
            exponent = [bit for bit in range(23, 31) if not int(words[word]) >> bit & 1]
            places = np.array(sorted(bench.model.layout.address(layer, word, bit) for bit in exponent))
            with bench.flipped(BitFlips(places, np.zeros(len(places)))):
                broken = not bool(torch.isfinite(bench.network(x)).all())
            same = bool(torch.equal(bench.network(x), clean))
            wrong = "" if same and broken else f"finite {not broken}, restored {same}"
            note(notes, "NaN or infinity from a fault", "no answer: its output is not a number", wrong)


def killed_job(folder: Path, notes: Notes, times: int) -> None:
    """Kill -9 of the process that measures for a page: a sentence, its rows stay, the next one runs."""
    from dashboard.server import job_queue
    from resq.measure.specs.sweep_spec import SweepSpec

    known = job_queue.Measurements()
    for number in range(times):
        spec = SweepSpec("signs/resnet20/base", bers=(0.0, 1e-2), maps=500, n=50, seed=number)
        found = known.start([spec], f"visitor {number}")
        end = time.monotonic() + 300
        while not (found.jobs and found.jobs[0].rows) and time.monotonic() < end:
            time.sleep(0.05)
        process: Any = found.jobs[0]._process
        process.kill()
        kept = len(found.rows)
        while found.active and time.monotonic() < end:
            time.sleep(0.05)
        ok = found.state == "failed" and "killed" in found.error and len(found.rows) >= kept > 0
        note(notes, "job killed", found.error, "" if ok else f"{found.state}: {found.error}, {kept} rows")
    short = SweepSpec("signs/resnet20/base", bers=(0.0,), n=20)
    last = known.start([short], "one more")
    while last.active:
        time.sleep(0.05)
    if last.state != "done":
        notes.failures.append(f"after killed jobs a measurement ended as {last.state}: {last.error}")
        notes.recovered -= 1


def killed_server(folder: Path, notes: Notes, times: int) -> None:
    """Kill -9 of the server: its jobs end with it, and started again it shows a link as before."""
    link = {"net": "signs/resnet20/base", "enc": "int8", "w": 5, "img": 3, "flip": "7"}
    sweep = {"encs": ["int8"], "n": 4000, "maps": 50, "parts": "faults", "seed": 77}

    async def visit(url: str, measure: bool) -> dict[str, Any]:
        async with Visitor(url) as visitor:
            seen = (await visitor.open("bitlab", link)).seen()
            if measure:
                await visitor.open("sweep", sweep)
                await visitor.press("measure")
            return seen

    one = server.start(folder / "server")
    before = asyncio.run(visit(one.url, False))
    for _ in range(times):
        asyncio.run(visit(one.url, True))
        end = time.monotonic() + 60
        while not server.children(one.process.pid) and time.monotonic() < end:
            time.sleep(0.05)
        own = server.children(one.process.pid)
        server.stop(one, signal.SIGKILL)
        while any(Path(f"/proc/{pid}").exists() for pid in own) and time.monotonic() < end:
            time.sleep(0.1)
        left = [pid for pid in own if Path(f"/proc/{pid}").exists()]
        one = server.start(folder / "server")
        same = asyncio.run(visit(one.url, False)) == before
        wrong = f"{len(left)} processes were left" if left else "" if same else "another page"
        note(
            notes,
            "server killed",
            "the browser says that the connection is lost, and reloads by itself",
            wrong,
        )
    server.stop(one)


def gone_file(folder: Path, notes: Notes) -> None:
    """A checkpoint taken away while its page is open: a sentence, and the page again when it is back."""
    from resq import checkpoints

    work = folder / "open"
    checkpoint = checkpoints.load("signs/resnet20/base")
    file = checkpoints.save("signs/resnet20/own", checkpoint.state, checkpoint.weights, {}, work / "weights")

    async def visit(url: str) -> tuple[str, bool]:
        async with Visitor(url) as visitor:
            before = await visitor.open("bitlab", {"net": "signs/resnet20/own"})
            start = before.seen()
            file.rename(file.with_suffix(".away"))
            gone = await visitor.press("bit_7")
            said = " ".join(gone.exceptions()) or gone.text()
            file.with_suffix(".away").rename(file)
        async with Visitor(url) as another:  # the first one's session keeps the bit that it has pressed
            back = await another.open("bitlab", {"net": "signs/resnet20/own"})
            return said, back.seen()["words"] == start["words"] and not gone.exceptions()

    with server.running(work) as one:
        said, same = asyncio.run(visit(one.url))
    note(notes, "checkpoint removed while it is looked at", said, "" if same else said)


def cluster(campaign: Any, notes: Notes, times: int) -> None:
    """Kill -9 of a Dask worker, then of the scheduler, while a campaign runs on them."""
    from stress.stores import check, finish

    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    try:
        import distributed  # noqa: F401
    except ImportError:
        notes.said["Dask"] = "not tried: distributed is not installed"
        return
    for number in range(times):
        port = server.free_port()
        address = f"tcp://127.0.0.1:{port}"
        quiet: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "cwd": server.ROOT,
        }
        scheduler = subprocess.Popen(
            [*dask, "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"], **quiet
        )
        words = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            address,
            "--no-dashboard",
            "--nthreads",
            "1",
        ]
        workers = [subprocess.Popen([*words, "--no-nanny"], **quiet) for _ in range(2)]
        campaign.forget()
        child = listen(campaign.begin(cluster=address), 300, lambda c: c.text.count('{"row"') >= 3)
        (workers[0] if number % 2 == 0 else scheduler).kill()
        listen(child, 300 if number % 2 == 0 else 120)
        killed(child)
        check(campaign, notes, child)
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
        kind = "Dask worker killed" if number % 2 == 0 else "Dask scheduler killed"
        note(notes, kind, sentence(child) or "nothing: the others measure its cells", finish(campaign))
