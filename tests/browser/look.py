"""How the browser tests look at a page: never once, always until it shows what is expected."""

import time
from collections.abc import Callable

from playwright.sync_api import expect

PATIENCE = 60.0  # seconds; other work may hold both cores
VERDICT = '[class*="st-key-verdict_"]'


def ready(page) -> None:
    """The page has run, and nothing runs any more.

    What it sent may still be on its way to the screen: Streamlit loads the code of each kind of element when
    the first of its kind comes. So whoever reads something else waits for that as well.
    """
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator('[data-testid=stApp][data-test-script-state="notRunning"]')).to_be_visible()


def calm(page) -> None:
    """The page is ready and stays so: what was pressed last has begun to run, and has ended.

    Whoever presses a button of a page that still runs may press what is exchanged under the pointer.
    """
    ready(page)
    state = page.locator("[data-testid=stApp]")
    settled(page, lambda: state.get_attribute("data-test-script-state"))
    ready(page)


def until(page, look: Callable[[], object], wanted: object) -> None:
    """Waits until ``look()`` gives what is wanted; fails with the last thing seen."""
    end, seen = time.monotonic() + PATIENCE, look()
    while seen != wanted:
        assert time.monotonic() < end, f"saw {seen!r}\ninstead of {wanted!r} for {PATIENCE:g} s"
        page.wait_for_timeout(100)  # not time.sleep: the browser's events must come in
        seen = look()


def settled(page, look: Callable[[], object]) -> object:
    """What ``look()`` gives once it has given the same for half a second."""
    end, seen, same = time.monotonic() + PATIENCE, look(), 0
    while same < 5:
        assert time.monotonic() < end, f"still changing after {PATIENCE:g} s: {seen!r}"
        page.wait_for_timeout(100)
        now = look()
        seen, same = now, same + 1 if now == seen else 0
    return seen


def tile(page, bit: int):
    """The button of one stored bit."""
    return page.locator(f".st-key-bit_{bit} button")


def click_bit(page, bit: int) -> None:
    """Presses the button of one stored bit, once nothing is exchanged under the pointer any more."""
    calm(page)
    tile(page, bit).click()
