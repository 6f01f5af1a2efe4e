"""Two servers behind nginx, a class in real browsers, and one server killed in the middle."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from dashboard.server import nginx
from stress.harness import server
from tests.browser.conftest import PATIENCE, free_port
from tests.browser.look import ready, until

expect.set_options(timeout=60_000)
ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(
    not nginx.binary(), reason="nginx is not on this machine (Debian: apt-get install nginx-light)"
)


@pytest.fixture
def fleet(browser, tmp_path):
    """The process of two servers and nginx, and their address."""
    port = free_port()
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "--servers=2", "--server.port", str(port)],
            cwd=ROOT, env={**os.environ, "RESQ_WORK": str(tmp_path / "work")}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


def ports(process: subprocess.Popen) -> dict[int, int]:
    lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in server.children(process.pid)}
    matches = {child: re.search(rb"--server.port\0(\d+)", line) for child, line in lines.items()}
    return {child: int(match[1]) for child, match in matches.items() if match}


def open_at(port: int) -> int:
    """How many connections the server of this port holds."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(e[1].split(":")[1], 16) == port for e in lines if e[3] == "01")


def test_a_killed_server_interrupts_nobody_for_long_and_a_room_is_one_on_both(browser, fleet):
    process, url = fleet
    contexts = [browser.new_context(viewport={"width": 1280, "height": 720}) for _ in range(6)]
    for context in contexts:
        context.set_default_timeout(PATIENCE)
    teacher, *class_pages = [context.new_page() for context in contexts]
    until(teacher, lambda: server.answers(f"{url}/_stcore/health"), True)
    teacher.goto(f"{url}/classroom?present=1")
    teacher.get_by_role("button", name="Open a room").click()
    expect(teacher).to_have_url(re.compile(r"teach="))
    code = re.search(r"code=([A-Z]{5})", teacher.url)[1]
    for page in class_pages:
        page.goto(f"{url}/classroom?code={code}")
        ready(page)
    expect(teacher.get_by_text("5 joined")).to_be_visible()
    for page in class_pages[:3]:
        predict(page)
    # Whichever server each of them is on.
    expect(teacher.get_by_text("5 joined · 3 have predicted")).to_be_visible()
    victim = next(child for child, port in ports(process).items() if open_at(port))
    os.kill(victim, signal.SIGKILL)
    for page in class_pages[3:]:
        predict(page)
    expect(teacher.get_by_text("5 joined · 5 have predicted")).to_be_visible()
    for page in class_pages:
        expect(page.get_by_text("The answer comes when your teacher shows it")).to_be_visible()
    teacher.get_by_role("button", name="Reveal").click()
    for page in class_pages:
        expect(page.get_by_text("Each bit counts twice as much")).to_be_visible()
    until(teacher, lambda: len(ports(process)), 2)
    assert victim not in ports(process)
    for context in contexts:
        context.close()


def predict(page) -> None:
    """Predicts; a click on a page that is just drawn anew, by another server, is made once more."""
    shown = page.get_by_text("The answer comes when your teacher shows it")

    def predicted() -> bool:
        commit = page.get_by_role("button", name="That is my answer")
        if not shown.is_visible() and commit.is_visible():
            page.get_by_text("by 128", exact=True).click()
            page.wait_for_timeout(500)
            if commit.is_visible() and commit.is_enabled():
                commit.click()
                page.wait_for_timeout(500)
        return shown.is_visible()

    until(page, predicted, True)
