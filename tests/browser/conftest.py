"""A real server and a real browser. Without Chromium the tests skip with a reason; under CI they fail."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without these the browser itself asks its maker for updates, which is no request of ours.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
PATIENCE = 60_000  # ms; generous, since other work may hold both cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A journey that fails is tried once more, and the summary says so; failed twice, it has failed.

    Server, browser and six pages share two cores with the rest of the suite: about one journey in some
    thousands looks at the one moment in which it should not have.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; CI installs it (.ci/run)")
    pytest.skip(reason)


@pytest.fixture(scope="package")
def browser():
    """Headless Chromium, for this folder alone: its driver holds the event loop that other tests want."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed (requirements-dev.txt)")
    path = os.environ.get("RESQ_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        _missing("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch_clicks(patch)
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


def patch_clicks(patch: pytest.MonkeyPatch) -> None:
    """Every click waits until what it presses is there once.

    While a page runs, a button of its last run may stand beside the same button of this run for a moment.
    """
    from playwright.sync_api import Locator, expect

    click = Locator.click

    def patient(locator: Locator, **options: object) -> None:
        expect(locator).to_have_count(1, timeout=options.get("timeout", PATIENCE))
        click(locator, **options)

    patch.setattr(Locator, "click", patient)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="package")
def address(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all modules that leave nothing behind; the browser first, lest it start in vain."""
    with dashboard(tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="module")
def own_address(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for one module whose visitors keep files or measure; there it is called ``address``."""
    with dashboard(tmp_path_factory) as url:
        yield url


@contextmanager
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``python -m dashboard`` on a free port, with a folder of its own to write in."""
    with served(tmp_path_factory.mktemp("server"), free_port()) as (url, _):
        yield url


@contextmanager
def served(folder: Path, port: int) -> Iterator[tuple[str, subprocess.Popen]]:
    """The same on this port and with this folder, where an earlier one may have left something."""
    log = folder / "log.txt"
    environment = {**os.environ, "RESQ_WORK": str(folder / "work")}
    with log.open("a") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "--server.port", str(port)],
            cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            url, end = f"http://127.0.0.1:{port}", time.monotonic() + 90
            while not _answers(f"{url}/_stcore/health"):
                if server.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"the dashboard did not come up:\n{log.read_text()}")
                time.sleep(0.1)
            yield url, server
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:  # a machine too busy to end it in time
                server.kill()


@dataclass
class Visit:
    """One visitor's page, and what went wrong or out on it."""

    page: object
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser, address: str) -> Iterator[Callable[[str], Visit]]:
    """Opens a path as a fresh visitor; at the end nobody may have seen an error or left this machine."""
    contexts, visits = [], []

    def go(path: str = "/", **options: object) -> Visit:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        seen = Visit(page)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda message: _note(seen, message))
        page.on("request", lambda request: _elsewhere(seen, request.url, address))
        page.goto(address + path)
        contexts.append(context)
        visits.append(seen)
        return seen

    yield go
    for seen in visits:
        assert not seen.errors
        assert not seen.elsewhere
    for context in contexts:
        context.close()


def _note(seen: Visit, message) -> None:
    if message.type == "error":
        seen.errors.append(message.text)


def _elsewhere(seen: Visit, url: str, address: str) -> None:
    here = (address, address.replace("http", "ws", 1), "data:", "blob:")
    if not url.startswith(here):
        seen.elsewhere.append(url)
