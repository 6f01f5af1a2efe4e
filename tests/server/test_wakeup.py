"""One byte wakes the loop for many messages, and none is missed."""

import asyncio
import threading
import time
from asyncio.selector_events import BaseSelectorEventLoop
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.server import wakeup


@pytest.fixture
def installed(monkeypatch):
    """The two methods as they are put, taken away again afterwards; what the loop has sent."""
    monkeypatch.setattr(BaseSelectorEventLoop, "_write_to_self", BaseSelectorEventLoop._write_to_self)
    monkeypatch.setattr(BaseSelectorEventLoop, "_read_from_self", BaseSelectorEventLoop._read_from_self)
    sent = []
    write = wakeup._write
    monkeypatch.setattr(wakeup, "_write", lambda loop: (sent.append(1), write(loop)))
    wakeup.install()
    return sent


def run(main):
    """The answer of a loop on a thread of its own: this one may have a browser's loop at work."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, main()).result()


def test_many_calls_while_the_loop_is_at_work_send_one_byte(installed):
    async def main():
        loop, done = asyncio.get_running_loop(), []

        def work():
            for i in range(100):
                loop.call_soon_threadsafe(done.append, i)

        await asyncio.to_thread(lambda: None)  # ends with a byte, which the loop reads here
        thread = threading.Thread(target=work)
        installed.clear()
        thread.start()
        thread.join()  # on the loop's own thread: it is at work meanwhile
        assert len(installed) == 1
        while len(done) < 100:
            await asyncio.sleep(0)
        return done

    assert run(main) == list(range(100))


def test_a_loop_that_sleeps_hears_of_every_call_of_many_threads(installed):
    async def main():
        loop, every = asyncio.get_running_loop(), asyncio.Event()
        heard = []

        def hear(i):
            heard.append(i)
            if len(heard) == 4 * 500:
                every.set()

        def work(first):
            for i in range(500):
                loop.call_soon_threadsafe(hear, first + i)

        threads = [threading.Thread(target=work, args=(500 * k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        await asyncio.wait_for(every.wait(), 60)  # nothing but these calls can wake it
        return heard

    assert sorted(run(main)) == list(range(2000))


def test_a_byte_that_comes_while_another_is_read_does_not_silence_the_next(installed, monkeypatch):
    read = wakeup._read

    def meanwhile(loop):
        """Another thread's call while the loop reads: its byte is taken with the one that is there."""
        if len(calls) < 1:
            calls.append(1)
            loop.call_soon_threadsafe(lambda: None)
        read(loop)

    calls = []
    monkeypatch.setattr(wakeup, "_read", meanwhile)

    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(3):
            heard = asyncio.Event()
            threading.Timer(0.05, loop.call_soon_threadsafe, [heard.set]).start()
            await asyncio.wait_for(heard.wait(), 60)  # the loop sleeps: only a byte wakes it before that
        return len(calls)

    began = time.monotonic()
    assert run(main) == 1
    assert time.monotonic() - began < 50, "it slept until its own clock woke it"


def test_a_loop_that_began_before_it_was_installed_is_woken(monkeypatch):
    def plain():
        """As asyncio has them, whatever this process has put in their place."""
        monkeypatch.setattr(BaseSelectorEventLoop, "_write_to_self", wakeup._write)
        monkeypatch.setattr(BaseSelectorEventLoop, "_read_from_self", wakeup._read)

    async def main(here):
        loop = asyncio.get_running_loop()
        began = loop.time()
        if here:
            wakeup.install()
        else:
            thread = threading.Thread(target=wakeup.install)
            thread.start()
            thread.join()
        for _ in range(5):
            heard = asyncio.Event()
            threading.Timer(0.02, loop.call_soon_threadsafe, [heard.set]).start()
            await asyncio.wait_for(heard.wait(), 60)
        assert loop.time() - began < 50, "it slept until its own clock woke it"
        return getattr(loop, wakeup.WOKEN, None)

    plain()
    assert run(lambda: main(False)) is None, "its bytes are read elsewhere, so it gets them all"
    plain()
    assert run(lambda: main(True)) is False
