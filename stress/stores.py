"""Faults of a campaign and its store: killed, no room, locked, damaged, read-only.

A row counts as lost if the process has told of it and the store does not hold it; as doubled if the store
holds two of one cell.
"""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stress.harness import server
from stress.harness.cli_process import Child, command, forked, killed, listen, reported_keys, sentence
from stress.harness.notes import Notes, note

SPEC = """checkpoints = ["signs/resnet20/base"]
encodings = ["int8", "int4-tmr2"]
bers = [0, 1e-3, 1e-2, 1e-1]
maps = 6
n = 20
"""


@dataclass
class Campaign:
    """One small campaign, its store, and its rows as they come when nothing goes wrong."""

    folder: Path
    whole: dict[str, tuple[int, int]]

    @property
    def spec(self) -> Path:
        """Its TOML file."""
        return self.folder / "spec.toml"

    @property
    def store(self) -> Path:
        """The store's file."""
        return self.folder / "store.sqlite"

    def begin(
        self, before: Callable[[], object] = lambda: None, cluster: str = "", workers: int = 1
    ) -> Child:
        """A process that runs what is missing."""
        words = ["campaign", str(self.spec), "--stream", "--workers", str(workers)]
        return forked(command(*words, *(["--cluster", cluster] if cluster else [])), before)

    def rows(self) -> list[tuple[str, int, int]]:
        """What the store holds: key, correct, flips; read as a file, past the code that is tested."""
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(self.store, timeout=60)) as line:
            there = line.execute("select 1 from sqlite_master where name = 'rows'").fetchone()
            return line.execute("select key, correct, flips from rows").fetchall() if there else []

    def forget(self) -> None:
        """An empty store."""
        for file in self.folder.glob("store.sqlite*"):
            file.unlink()


def check(campaign: Campaign, notes: Notes, child: Child) -> None:
    """Counts what was told and is not there, what is there twice, and what is not as without faults."""
    rows = campaign.rows()
    kept = [key for key, _, _ in rows]
    notes.lost += len(set(reported_keys(child)) - set(kept))
    notes.doubled += len(kept) - len(set(kept))
    wrong = [key for key, correct, flips in rows if campaign.whole.get(key) != (correct, flips)]
    if wrong:
        notes.failures.append(f"{len(wrong)} rows are not those of a run without faults")


def finish(campaign: Campaign) -> str:
    """Runs the campaign to its end; what is wrong with its table, empty if it is that without faults."""
    child = listen(campaign.begin(), 600)
    found = {key: (correct, flips) for key, correct, flips in campaign.rows()}
    if child.code != 0:
        return f"running it again ended with {child.code}: {sentence(child)}"
    return "" if found == campaign.whole else f"{len(found)} rows instead of {len(campaign.whole)}"


def kill_campaign(campaign: Campaign, notes: Notes, times: int, rng: np.random.Generator) -> None:
    """Kill -9 at random moments, run again, until the table is whole; then from the start."""
    for _ in range(times):
        if len(campaign.rows()) >= len(campaign.whole):
            campaign.forget()
        child = campaign.begin()
        wanted = int(rng.integers(0, 9))
        listen(child, 120, lambda c, n=wanted: len(reported_keys(c)) >= n)  # type: ignore[misc]
        time.sleep(float(rng.uniform(0, 0.05)))
        check(campaign, notes, killed(child))
        note(notes, "campaign killed", "the rows told so far; run again, it goes on with the rest")
    wrong = finish(campaign)
    if wrong:
        notes.failures.append(f"campaign killed: {wrong}")
        notes.recovered -= 1


def full_disk(campaign: Campaign, notes: Notes, times: int, rng: np.random.Generator) -> None:
    """No file may grow beyond a few kB: what a full disk looks like to the process."""
    for _ in range(times):
        campaign.forget()
        limit = int(rng.integers(1, 120)) * 1024

        def before(limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        child = listen(campaign.begin(before), 300)
        check(campaign, notes, child)
        loud = child.code not in (0, 2) or "Traceback" in child.text
        note(
            notes, "disk full", sentence(child), f"it said {child.text[-400:]}" if loud else finish(campaign)
        )


def locked(campaign: Campaign, notes: Notes, times: int, rng: np.random.Generator) -> None:
    """Another process holds the store for a while: the campaign waits."""
    for _ in range(times):
        campaign.forget()
        child = listen(campaign.begin(), 300, lambda c: len(reported_keys(c)) >= 2)
        with closing(sqlite3.connect(campaign.store, timeout=60, isolation_level=None)) as line:
            line.execute("begin exclusive" if rng.integers(2) else "begin immediate")
            time.sleep(float(rng.uniform(0.3, 1.5)))
            line.execute("commit")
        listen(child, 300)
        check(campaign, notes, child)
        note(notes, "store locked", "nothing: it waits until the other has done", finish(campaign))


def corrupt(campaign: Campaign, notes: Notes, times: int, rng: np.random.Generator) -> None:
    """The store's file is overwritten or cut off; the person moves it away, as the sentence says."""
    for number in range(times):
        finish(campaign)
        raw = bytearray(campaign.store.read_bytes())
        for beside in campaign.folder.glob("store.sqlite-*"):
            beside.unlink()
        if number % 3 == 0:
            raw[:64] = bytes(64)
        elif number % 3 == 1:
            raw[: len(raw) // 2] = rng.bytes(len(raw) // 2)
        else:
            del raw[int(rng.integers(100, 4096)) :]
        campaign.store.write_bytes(raw)
        child = listen(campaign.begin(), 300)
        loud = "Traceback" in child.text or child.code not in (0, 2)
        seen = sentence(child)
        campaign.forget()
        note(notes, "store damaged", seen, f"it said {child.text[-400:]}" if loud else finish(campaign))


def read_only(campaign: Campaign, notes: Notes, times: int) -> None:
    """The store may be read and not written."""
    for _ in range(times):
        campaign.forget()
        listen(campaign.begin(), 300, lambda c: len(reported_keys(c)) >= 1)
        url = f"sqlite:///file:{campaign.store}?mode=ro&uri=true"
        child = listen(campaign.begin(lambda url=url: os.environ.update(RESQ_STORE=url)), 300)  # type: ignore[misc]
        loud = "Traceback" in child.text or child.code not in (0, 2)
        check(campaign, notes, child)
        note(notes, "store read-only", sentence(child), child.text[-400:] if loud else finish(campaign))


def killed_worker(campaign: Campaign, notes: Notes, times: int) -> None:
    """Kill -9 of one of two worker processes."""
    for _ in range(times):
        campaign.forget()
        child = listen(campaign.begin(workers=2), 300, lambda c: len(reported_keys(c)) >= 1)
        own = server.children(child.pid)
        os.kill(own[-1], signal.SIGKILL)
        listen(child, 300)
        check(campaign, notes, child)
        loud = "Traceback" in child.text or child.code not in (0, 2)
        note(notes, "worker process killed", sentence(child), child.text[-400:] if loud else finish(campaign))


def prepared(folder: Path) -> Campaign:
    """The campaign, run once without faults, and its store emptied.

    Raises:
        RuntimeError: it did not even run without faults.
    """
    folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(folder, {})
    campaign.spec.write_text(SPEC)
    child = listen(campaign.begin(), 600)
    whole = {key: (correct, flips) for key, correct, flips in campaign.rows()}
    if child.code != 0 or not whole:
        raise RuntimeError(f"the campaign ended with {child.code}: {child.text[-500:]}")
    campaign.forget()
    return Campaign(folder, whole)
