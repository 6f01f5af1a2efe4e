"""``python -m benchmarks.pages``: what a visitor waits for, in real Chromium on a warm server, medians of 20.

Times are taken inside the page, from the click or the start of the navigation to the frame that shows the
result. A part: ``--only flip slider``; fewer turns: ``--turns 3``; for machines: ``--json``. Beside another
version, turn by turn in one browser: ``--against TREE``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import browser, timing

CHARTS = ("bitlab", "sweep", "layers", "tradeoff", "harden", "replay")  # the pages that open with one
VIEW = {"width": 1440, "height": 900}
CONTENT = """() => document.querySelectorAll('[class*="st-key-card_"]').length >= 3
    && document.querySelector('.st-key-findings strong') && performance.now()"""
# From the visitor's own event to the first frame in which the state differs from the one before.
WATCH = """([event, state]) => {
    const ask = new Function('return ' + state);
    const look = () => { try { return ask() } catch { return null } };  // a chart may be away for a moment
    const before = look();
    window.took = null;
    addEventListener(event, () => {
        const began = performance.now();
        const wait = () => {
            const now = look();
            if (now && now !== before) window.took = performance.now() - began;
            else requestAnimationFrame(wait);
        };
        requestAnimationFrame(wait);
    }, {once: true, capture: true});
}"""
PLOT = "document.querySelector('.st-key-{} .js-plotly-plot')"
IDLE = "document.querySelector('[data-test-script-state=notRunning]')"
BARS = f"JSON.stringify({PLOT.format('probabilities')}.data.map(bar => bar.x))"
SAYS = "document.querySelector('.st-key-cell_says').innerText"
CELL = f"{SAYS} + JSON.stringify({PLOT.format('plane_chart')}.data)"
LINE = f"JSON.stringify({PLOT.format('surface')}.layout.shapes)"
TITLE = f"({browser.DRAWN})() && document.querySelector('h1').innerText"
HEATMAP = '.st-key-layer_heat .nsewdrag[data-subplot="xy"]'
Turn = Callable[[], float]  # ms
Quartiles = dict[str, list[int]]  # "before" and "after": three each, ms


def visitor(chromium: Any) -> Any:
    """A page of a fresh visitor: no cache."""
    return chromium.new_context(viewport=VIEW).new_page()


def opened(page: Any, address: str, seen: str) -> float:
    """Milliseconds from the start of the navigation to what is waited for."""
    page.goto(address, wait_until="commit")
    return page.wait_for_function(seen, polling="raf", timeout=60_000).json_value()


def cold(chromium: Any, address: str, seen: str) -> float:
    """A visit with nothing in the browser's cache."""
    page = visitor(chromium)
    took = opened(page, address, seen)
    page.context.close()
    return took


def reaction(page: Any, event: str, state: str, act: Callable[[], None]) -> float:
    """Milliseconds from the event that ``act`` causes to another state on the screen."""
    page.wait_for_function(f"() => {IDLE} && {state}", timeout=60_000)
    page.wait_for_timeout(300)  # a visitor's pause: what the last turn set off has ended
    page.evaluate(WATCH, [event, state])
    act()
    return page.wait_for_function("() => window.took", polling="raf", timeout=60_000).json_value()


def on(page: Any, address: str, name: str, more: str = "") -> None:
    """Opens a page by its link and waits until it is drawn."""
    page.goto(address + browser.PAGES[name] + more)
    browser.drawn(page)


def starts(chromium: Any, address: str) -> Iterator[tuple[str, Turn, float]]:
    """The first screen's content."""
    yield "Start's content, cold cache", partial(cold, chromium, address, CONTENT), 2000
    page = visitor(chromium)
    yield "Start's content, warm", partial(opened, page, address, CONTENT), 500
    page.context.close()  # here and below: a page left open takes its share of the processor


def charts(chromium: Any, address: str) -> Iterator[tuple[str, Turn, float]]:
    """Every page with a chart, until all its charts are drawn."""
    seen = f"() => ({browser.DRAWN})() && performance.now()"
    for name in CHARTS:
        link = address + browser.PAGES[name]
        yield f"{name} with its charts, cold cache", partial(cold, chromium, link, seen), 4000
        page = visitor(chromium)
        yield f"{name} with its charts, warm", partial(opened, page, link, seen), 1300
        page.context.close()


def switch(chromium: Any, address: str) -> Iterator[tuple[str, Turn, float]]:
    """From page to page by the menu, until the charts are drawn."""
    page, names = visitor(chromium), ("sweep", "bitlab")
    on(page, address, "bitlab")
    at = [0]

    def turn() -> float:
        name, at[0] = names[at[0] % 2], at[0] + 1
        link = page.locator(f'[data-testid="stTopNavLink"][href$="/{name}"]:visible').first
        return reaction(page, "click", TITLE, link.click)

    yield "page switch", turn, 400
    page.context.close()


def flip(chromium: Any, address: str) -> Iterator[tuple[str, Turn, float]]:
    """A click on a stored bit, until the bars of the prediction are drawn anew."""
    page = visitor(chromium)
    page.goto(f"{address}/bitlab?net=signs/resnet20/base")
    browser.drawn(page)
    tile = page.locator(".st-key-bit_7 button")
    yield "bit flip to the redrawn prediction", partial(reaction, page, "click", BARS, tile.click), 200
    page.context.close()


def drill(chromium: Any, address: str) -> Iterator[tuple[str, Turn, float]]:
    """A click on a cell of the heatmap, until its sentence and its histogram are drawn."""
    page = visitor(chromium)
    on(page, address, "layers")
    at = [0]

    def act() -> None:
        box, at[0] = page.locator(HEATMAP).bounding_box(), at[0] + 1
        row, column = at[0] % 12, at[0] % 5  # rows that a laptop shows without scrolling
        page.mouse.click(
            box["x"] + box["width"] * (column + 0.3) / 8, box["y"] + box["height"] * (row + 0.3) / 20
        )

    yield "heatmap click to drill-down", partial(reaction, page, "mouseup", CELL, act), 250
    page.context.close()


def slider(chromium: Any, address: str) -> Iterator[tuple[str, Turn, float]]:
    """The slider of the Trade-off over stored cells, until the line is drawn elsewhere."""
    page, keys = visitor(chromium), ("ArrowRight", "ArrowLeft")
    on(page, address, "tradeoff", "&thr=5")  # tiles lie between 5 and 10 %
    page.locator(".stSlider input[type=range]").first.focus()
    at = [0]

    def act() -> None:
        key, at[0] = keys[at[0] % 2], at[0] + 1
        page.keyboard.press(key)

    yield "slider over stored data", partial(reaction, page, "keydown", LINE, act), 150
    page.context.close()


PARTS = {"start": starts, "charts": charts, "switch": switch, "flip": flip, "drill": drill, "slider": slider}


def warm(chromium: Any, address: str) -> None:
    """A first visit to the Bit lab: what a server reads once does not count."""
    cold(chromium, address + browser.PAGES["bitlab"], f"() => ({browser.DRAWN})() && 1")


def measure(names: list[str], turns: int, tell: Callable[[str], None]) -> dict[str, timing.Figure]:
    """Median milliseconds of each wait, beside its target; one turn before them does not count."""
    found = {}
    with browser.chromium() as chromium, browser.dashboard() as address:
        warm(chromium, address)
        for part in names:
            for name, turn, target in PARTS[part](chromium, address):
                turn()
                value = median(turn() for _ in range(turns))
                found[name] = timing.figure(value, target, "ms")
                tell(
                    f"{name}: {value:.0f} ms, at most {target:g}: {'met' if found[name]['met'] else 'missed'}"
                )
    return found


def compare(tree: Path, names: list[str], turns: int, tell: Callable[[str], None]) -> dict[str, Quartiles]:
    """Quartiles in ms of each wait, of another version's tree and of this one, turn about in one browser."""
    found = {}
    with browser.chromium() as chromium, browser.dashboard(tree) as old, browser.dashboard() as new:
        for address in (old, new):
            warm(chromium, address)
        for part in names:
            for before, after in zip(*(PARTS[part](chromium, each) for each in (old, new)), strict=True):
                found[before[0]] = in_turn(before[1], after[1], turns)
                tell(f"{before[0]}: {found[before[0]]}")
    return found


def in_turn(before: Turn, after: Turn, turns: int) -> Quartiles:
    """Takes each wait as often, the one that goes first changing; one of each before them does not count."""
    took: dict[Turn, list[float]] = {before: [], after: []}
    for number in range(turns + 1):
        for turn in (before, after) if number % 2 else (after, before):
            took[turn].append(turn())
    return {
        "before": [round(value) for value in quantiles(took[before][1:], n=4)],
        "after": [round(value) for value in quantiles(took[after][1:], n=4)],
    }


def main() -> None:
    """Prints each wait as it is known, then all as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--against", type=Path, help="the tree of another version: quartiles of both")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON")
    args = parser.parse_args()
    tell: Callable[[str], None] = (lambda line: None) if args.json else partial(print, flush=True)
    if args.against:
        print(json.dumps(compare(args.against.resolve(), args.only, args.turns, tell)))
    else:
        print(json.dumps(measure(args.only, args.turns, tell)))


if __name__ == "__main__":
    main()
