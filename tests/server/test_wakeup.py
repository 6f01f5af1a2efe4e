"""One byte wakes the loop for many messages, and none is missed."""

import asyncio
import threading
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
