"""``python -m benchmarks.layers``: the heatmap of layers and bits, its speed and how well the estimate ranks.

Ratios are taken in one run, pass by pass in turn. The last line is JSON: name -> value, target, met.
With ``--click URL``: the time from a click on a cell to its details, in a browser on a running dashboard.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.subjects import bench, plain
from benchmarks.timing import Figure, figure, seconds, show
from resq.measure.analysis import layer_heatmap
from resq.measure.engine import graph_split
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sensitivity, taylor

TURNS = 3  # of the estimate


def images(n: int) -> tuple[Tensor, Tensor]:
    """Random pixels cost what photographs cost."""
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(n, 3, 32, 32, generator=rng).contiguous(memory_format=torch.channels_last)
    return x, torch.randint(0, 10, (n,), generator=rng)


def reuse(bench: FaultyNetwork, n: int) -> tuple[float, float]:
    """Full passes over passes from the layer on, one of each per layer, in turn.

    The first against the same bench's own full passes, the second against the network as torchvision builds
    it, norms not folded: what an injector without either does.
    """
    x, _ = images(n)
    network = plain()
    traced, times = graph_split.graph(bench.network), [0.0, 0.0, 0.0]
    with torch.inference_mode():
        for layer in bench.model.weights:
            before, after = graph_split.split(bench.network, traced, f"body.{layer}")
            kept = before(x)
            works: tuple[Callable[[], Any], ...] = (
                partial(after, *kept),
                lambda: bench.network(x),
                lambda: network(x.contiguous()),
            )
            for i, work in enumerate(works):
                times[i] += min(seconds(work) for _ in range(2))
    return times[1] / times[0], times[2] / times[0]


def ranks() -> dict[str, float]:
    """Spearman's coefficient of every shipped heatmap that has both kinds."""
    found, rows = {}, layer_heatmap.shipped()
    for name, part in rows.groupby("checkpoint"):
        if set(part["kind"]) == {"measured", "instant"}:
            both = layer_heatmap.cells(part, "measured"), layer_heatmap.cells(part, "instant")
            found[str(name)] = layer_heatmap.agreement(*both).rho
    return found


def click(url: str, clicks: int = 20) -> float:
    """Median milliseconds from a click on a cell to the sentence of that cell, in a browser."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/layers")
        page.wait_for_selector('.st-key-layer_heat .nsewdrag[data-subplot="xy"]')
        page.wait_for_timeout(3000)
        took = []
        for i in range(clicks + 3):
            took.append(click_once(page, 1 + i % 18, i % 8))
            page.wait_for_timeout(300)
    return median(took[3:])  # the first ones also load code


def click_once(page: Any, row: int, column: int) -> float:
    """Milliseconds of one click: a real mouse, the page's own clock."""
    area = page.locator('.st-key-layer_heat .nsewdrag[data-subplot="xy"]').bounding_box()
    x, y = area["x"] + area["width"] * (column + 0.5) / 8, area["y"] + area["height"] * (row + 0.5) / 20
    page.evaluate(WATCH)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    return float(page.evaluate("window.cellSeen"))


WATCH = """() => {
  const says = () => document.querySelector('.st-key-cell_says')?.innerText, was = says();
  window.cellSeen = new Promise(done => window.addEventListener('mousedown', () => {
    const began = performance.now();
    const look = () => says() && says() !== was ? done(performance.now() - began)
      : requestAnimationFrame(look);
    look();
  }, {once: true, capture: true}));
}"""


def compare(quick: bool) -> dict[str, Figure]:
    """The estimate's seconds and ranks; what is saved by computing once what lies before a layer."""
    made = bench()
    with torch.enable_grad():
        x, y = images(16 if quick else sensitivity.ESTIMATED)
        turns = 1 if quick else TURNS
        taken = median(seconds(lambda: taylor.estimate(made, x, y)) for _ in range(turns))
    own, other = reuse(made, 10 if quick else 250)
    found = {
        "estimate of all cells, ResNet18": figure(taken, 3, "s", note=f"{len(x)} images, median of {turns}"),
        "measured heatmap, times faster than full passes of the network as torchvision builds it": figure(
            other, 3, "x", more=True, note=f"than full passes of the same folded network: {own:.2f} times"
        ),
    }
    for name, rho in ranks().items():
        found[f"rank correlation, {name}"] = figure(rho, 0.9, "rho", more=True, note="as shipped")
    return found


def main() -> None:
    """Prints one line per figure, then all of them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__)
    parser.add_argument("--click", metavar="URL", help="address of a running dashboard")
    arguments = parser.parse_args()
    if arguments.click:
        show({"click on a cell to its details": figure(click(arguments.click), 250, "ms")})
    else:
        show(compare(quick=False))


if __name__ == "__main__":
    main()
