"""``python -m benchmarks.screenshots``: every page, light, dark and presenter mode, into assets/screenshots.

A part: ``--only bitlab replay``; elsewhere: ``--out FOLDER``. Then ``make manifest``, and look at them all.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import browser

OUT = Path(__file__).resolve().parents[1] / "assets" / "screenshots"
MODES = {"light": ("light", ""), "dark": ("dark", ""), "presenter": ("light", "present=1")}
WIDTH, HEIGHT = 1440, 900
# The page scrolls in a box of its own, so the window has to be as high as what the box holds.
CONTENT = "() => document.querySelector('[data-testid=stMain]').scrollHeight"


def shot(page: Any) -> bytes:
    """The whole page as PNG, as high as its content."""
    browser.drawn(page)
    page.mouse.move(0, 0)  # nothing is hovered
    for _ in range(2):  # charts that follow the width may move what lies below once more
        page.set_viewport_size({"width": WIDTH, "height": max(HEIGHT, page.evaluate(CONTENT))})
        page.wait_for_timeout(700)
    return page.screenshot()


def save(png: bytes, to: Path) -> None:
    """As WebP without loss: every colour as it was, in half of the bytes."""
    Image.open(io.BytesIO(png)).convert("RGB").save(to, lossless=True, quality=90, method=4)


def take(chromium: Any, address: str, name: str, mode: str, out: Path) -> Path:
    """One page in one mode, as a file."""
    scheme, more = MODES[mode]
    path = browser.PAGES[name]
    context = chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address + path + (("&" if "?" in path else "?") + more if more else ""))
    to = out / f"{name}-{mode}.webp"
    save(shot(page), to)
    context.close()
    return to


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(browser.PAGES), default=list(browser.PAGES))
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with browser.chromium() as chromium, browser.dashboard() as address:
        for name in args.only:
            for mode in args.modes:
                file = take(chromium, address, name, mode, args.out)
                print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
