"""Pages are computed in turn: a few at once, the others in the order in which they came.

Every session computes its page in a thread of its own, and Python lets one of them work at a time. A hundred
at once hand the interpreter to each other at every operation of torch, so that each page takes longer and all
end late. In turn each is done before the next begins. A page that takes longer than others gives its place
away and goes on beside them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

PLACES = 2  # one computes while another waits for torch or a file
PATIENCE = 0.25  # s, after which a page's place is given to the next one


class Turns:
    """Places for what is at work, and a queue.

    Args:
        places: how many begin at once.
        patience: seconds after which a place is given away, though its work goes on.
    """

    def __init__(self, places: int, patience: float) -> None:
        self.places, self.patience = places, patience
        self._lock = threading.Lock()
        self._begun: dict[int, float] = {}  # who is at work -> since when, on the monotonic clock
        self._queue: deque[tuple[int, threading.Event]] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits for a place, and holds it."""
        who = threading.get_ident()
        self._wait(who)
        try:
            yield
        finally:
            with self._lock:
                self._begun.pop(who, None)
                self._let_in()

    def _wait(self, who: int) -> None:
        mine = threading.Event()
        with self._lock:
            self._queue.append((who, mine))
            self._let_in()
        while not mine.wait(self.patience):  # somebody may hold a place for longer than that
            with self._lock:
                self._let_in()

    def _let_in(self) -> None:
        """Gives free places to those who have waited longest; the lock is held."""
        now = time.monotonic()
        for who, since in list(self._begun.items()):
            if now - since > self.patience:
                del self._begun[who]
        while self._queue and len(self._begun) < self.places:
            who, event = self._queue.popleft()
            self._begun[who] = now
            event.set()


turns = Turns(PLACES, PATIENCE)
_run = ScriptRunner._run_script


def run(self: ScriptRunner, rerun_data: RerunData) -> None:
    """One run of a page, in its turn."""
    with turns.turn():
        _run(self, rerun_data)


def install() -> None:
    """From now on, for all sessions of this process; doing it again changes nothing."""
    ScriptRunner._run_script = run  # type: ignore[method-assign]
