"""The command under a figure, typed into a terminal that knows no row, gives what the figure draws.

With RESQ_LONG also a claim under faults, a minute of ResNet18.
"""

import json
import math
import os
import re

import pandas as pd
import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from resq import data
from tests.browser.conftest import own_address as address  # noqa: F401 - a fixture
from tests.browser.files import command, drawn, opened, resq
from tests.browser.look import ready

expect.set_options(timeout=120_000)
NET = "signs/resnet20/base"
CLAIMS = ["stutz-randbet-ber-0", *["stutz-randbet-ber-5e-3"] * bool(os.environ.get("RESQ_LONG"))]


def again(words: str, folder) -> pd.DataFrame:
    """The rows of a command, measured in a folder of its own."""
    out = folder / "again.csv"
    resq(f"{words} --out {out}", folder)
    return pd.read_csv(out, comment="#")


def shares(rows: pd.DataFrame, *by: str) -> dict:
    """Mean accuracy of the rows at each point."""
    counts = rows.groupby(list(by))[["correct", "n"]].sum()
    return (counts["correct"] / counts["n"]).to_dict()


def test_sweep(visit, tmp_path):
    page = visit(f"/sweep?nets={NET}&encs=int8-symmetric").page
    opened(page)
    expect(page.locator(".st-key-chart_ber .main-svg").first).to_be_visible()
    dots = [y for trace in drawn(page, ".st-key-chart_ber") for y in trace["y"]]
    measured = shares(again(command(page, "sweep"), tmp_path), "ber")
    assert sorted(dots) == pytest.approx(sorted(measured.values()), abs=1e-12)
    assert len(dots) > 3


def test_trade_off(visit, tmp_path):
    page = visit(f"/tradeoff?net={NET}&enc=int8&mode=transfer").page
    opened(page)
    shown = page.locator(".st-key-surface .js-plotly-plot")
    expect(shown.locator(".main-svg").first).to_be_visible()
    white, black, bers, budgets = shown.evaluate(
        "node => [...node._fullData.slice(0, 2).map(data => [].concat(...data.z.map(line => [...line]))),"
        " node.layout.yaxis.ticktext, node.layout.xaxis.ticktext]"
    )  # tiles with white words, and those with black ones
    measured = shares(again(command(page, "sweep"), tmp_path), "ber", "eps")
    tiles = [measured[key] for key in sorted(measured)]
    assert (len(bers), len(budgets)) == (10, 4)
    assert all(math.isnan(one) != math.isnan(other) for one, other in zip(white, black, strict=True))
    tile_values = [other if math.isnan(one) else one for one, other in zip(white, black, strict=True)]
    assert tile_values == pytest.approx(tiles, abs=1e-12)


def test_protect(visit, tmp_path):
    page = visit(f"/protect?net={NET}&ber=0.01").page
    opened(page)
    expect(page.locator(".st-key-protection_chart .main-svg").first).to_be_visible()
    told = {}  # words -> accuracy and share kept of their dots
    for trace in drawn(page, ".st-key-protection_chart"):
        for share, text in zip(trace["y"], trace["text"], strict=True):
            accuracy = float(re.search(r"accuracy ([\d.]+)", text)[1])
            told.setdefault(re.match("<b>(.+?)</b>", text)[1], []).append((accuracy, share))
    lines = page.locator('[class*="st-key-numbers"] code').first.inner_text().splitlines()
    stored = [line for line in lines if "--encoding" not in line]  # int8, what shares are of
    other = [line for line in lines if "--encoding int4-tmr2 " in line]
    best = None
    for commands, encoding in ((stored, "int8"), (other, "int4-tmr2")):
        measured: dict[float, float] = {}  # one command for all points of as many maps
        for number, words in enumerate(commands):
            measured |= shares(again(words, tmp_path / f"{encoding}-{number}"), "ber")
        clean = measured.pop(0.0)
        best = clean if best is None else best
        means = sorted(measured.values())
        assert [one for one, _ in sorted(told[encoding])] == pytest.approx(
            [100 * m for m in means], abs=0.051
        )
        assert sorted(s for _, s in told[encoding]) == pytest.approx([m / best for m in means], abs=1e-12)
        assert len(means) == 3


def test_harden(visit, tmp_path):
    page = visit(f"/harden?net={NET}&preset=quick&stages=quantize").page
    ready(page)
    page.get_by_role("button", name="Harden", exact=True).click()
    expect(page.locator('[class*="st-key-before_after"] .main-svg').first).to_be_visible(timeout=300_000)
    opened(page)
    words = command(page, "harden").replace("--overwrite", f"--out {tmp_path} --json")
    looks = json.loads(resq(words, tmp_path))["stages"]
    at = [looks[0]["before"], *(stage["after"] for stage in looks)]
    made = {
        "clean": [one["clean"] for one in at],
        "faulty": [one["faulty"]["mean"] for one in at],
        "attacked": [one["attacked"]["accuracy"] for one in at],
    }
    bars = page.locator('[class*="st-key-before_after"] .js-plotly-plot').evaluate(
        "node => [...node.data].map(trace => [...trace.y])"
    )
    assert bars == [pytest.approx(values, abs=1e-12) for values in made.values()]


@pytest.mark.skipif(not data.present("cifar10"), reason="all shipped claims are about CIFAR-10 images")
@pytest.mark.parametrize("claim", CLAIMS)
def test_replay(visit, tmp_path, claim):
    page = visit(f"/replay?claim={claim}").page
    opened(page)
    expect(page.locator(".st-key-chart_readings .main-svg").first).to_be_visible()
    trace = next(t for t in drawn(page, ".st-key-chart_readings") if t["name"] == "measured here")
    measured = shares(again(command(page, "sweep"), tmp_path), "ber")
    assert list(measured.values()) == pytest.approx(trace["x"][-1:], abs=1e-12)
