"""A real server and Chromium, for the commands that take pictures and times; every page by its link."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stress.harness import server

# The networks are those of the rendered signs: photographs of others never come into a picture.
PAGES = {
    "start": "/",
    "bitlab": "/bitlab?net=signs/resnet20/base&enc=fp32&flip=30",
    "sweep": "/sweep?nets=signs/resnet20/base",
    "layers": "/layers?net=signs/resnet20/base&layer=linear&bit=7",
    "tradeoff": "/tradeoff?net=signs/resnet20/base&enc=int8",
    "harden": "/harden?net=signs/resnet20/base",
    "lessons": "/lessons",
    "lesson": "/lessons?lesson=shield",
    "mystery": "/mystery?case=F7&asked=flow,trace,words-15",
    "yournetwork": "/yournetwork",
    "replay": "/replay",
    "leaderboard": "/leaderboard?data=signs",
}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without these the browser itself asks its maker for updates.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
DRAWN = """() => {
    const all = name => [...document.querySelectorAll(name)];
    return all('[data-testid=stApp][data-test-script-state=notRunning]').length && all('h1').length
        && !all('[data-testid=stSkeleton], [data-testid=stSpinner], [data-stale=true]').length
        && all('[data-testid=stPlotlyChart]').every(chart => chart.querySelector('.main-svg'));
}"""


def drawn(page: Any, patience: float = 60) -> None:
    """Waits until the page has run and every chart on it is drawn."""
    page.wait_for_function(DRAWN, timeout=1e3 * patience)


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium.

    Raises:
        RuntimeError: there is none on this machine.
    """
    from playwright.sync_api import sync_playwright

    path = os.environ.get("RESQ_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise RuntimeError("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield found
        found.close()


@contextmanager
def dashboard(tree: Path = server.ROOT) -> Iterator[str]:
    """The address of a server of one's own, of a version's tree, with an empty folder for results."""
    with tempfile.TemporaryDirectory() as folder:
        found = server.start(Path(folder), {}, root=tree)
        try:
            yield found.url
        finally:
            server.stop(found)
