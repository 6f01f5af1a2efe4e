"""``python -m benchmarks.layers``: the heatmap of layers and bits, its speed and how well the estimate ranks.

Ratios are taken in one run, pass by pass in turn. The last line is JSON: name -> value, target, met.
With ``--click URL``: the time from a click on a cell to its details, in a browser on a running dashboard.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from resq import checkpoints
from resq.core import Encoding
from resq.measure import layers, prefix, sensitivity
from resq.measure.bench import Bench

INT8 = Encoding.parse("int8")


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def figure(value: float, target: float, unit: str, least: bool = False) -> dict[str, float | str | bool]:
    """A measured value beside the largest, or the least, that was hoped for."""
    met = value >= target if least else value <= target
    return {"value": round(value, 4), "target": target, "unit": unit, "met": met}


def images(n: int) -> tuple[Tensor, Tensor]:
    """Random pixels cost what photographs cost."""
    chance = torch.Generator().manual_seed(0)
    x = torch.rand(n, 3, 32, 32, generator=chance).contiguous(memory_format=torch.channels_last)
    return x, torch.randint(0, 10, (n,), generator=chance)


def estimate(bench: Bench) -> float:
    """Median seconds of the whole estimate, all layers by eight bits."""
    x, y = images(sensitivity.ESTIMATED)
    return median(seconds(lambda: sensitivity.instant(bench, x, y)) for _ in range(3))


def reuse(bench: Bench, plain: Bench, n: int = 250) -> tuple[float, float]:
    """Full passes over passes from the layer on, one of each per layer, in turn.

    The first against the same bench's own full passes, the second against the network as it is, norms not
    folded: what an injector without either does.
    """
    x, _ = images(n)
    traced, times = prefix.graph(bench.network), [0.0, 0.0, 0.0]
    with torch.inference_mode():
        for layer in bench.model.weights:
            before, after = prefix.cut(bench.network, traced, f"body.{layer}")
            kept = before(x)
            works: tuple[Callable[[], Any], ...] = (
                partial(after, *kept),
                lambda: bench.network(x),
                lambda: plain.network(x),
            )
            for i, work in enumerate(works):
                times[i] += min(seconds(work) for _ in range(2))
    return times[1] / times[0], times[2] / times[0]


def ranks() -> dict[str, float]:
    """Spearman's coefficient of every shipped heatmap that has both kinds."""
    found, rows = {}, layers.shipped()
    for name, part in rows.groupby("checkpoint"):
        if set(part["kind"]) == {"measured", "instant"}:
            both = layers.cells(part, "measured"), layers.cells(part, "instant")
            found[str(name)] = layers.agreement(*both).rho
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


def main() -> None:
    """Prints one line per figure, then all of them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__)
    parser.add_argument("--click", metavar="URL", help="address of a running dashboard")
    arguments = parser.parse_args()
    found: dict[str, dict[str, float | str | bool]] = {}
    if arguments.click:
        found["click on a cell to its details"] = figure(click(arguments.click), 250, "ms")
    else:
        checkpoint = checkpoints.load("cifar10/resnet18/base")
        bench, plain = Bench(checkpoint, INT8), Bench(checkpoint, INT8, folded=False)
        found["estimate of all cells, ResNet18"] = figure(estimate(bench), 3, "s")
        own, other = reuse(bench, plain)
        found["full passes over reused prefix"] = figure(own, 3, "x", least=True)
        found["full passes with norms apart over reused prefix"] = figure(other, 3, "x", least=True)
        for name, rho in ranks().items():
            found[f"rank correlation, {name}"] = figure(rho, 0.9, "rho", least=True)
    for name, line in found.items():
        print(f"{name}: {line['value']} {line['unit']} (target {line['target']})", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
