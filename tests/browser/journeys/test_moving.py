"""Pictures that move in a real browser: the slider moves them without the server, a click chooses one."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.look import ready, settled, until

expect.set_options(timeout=60_000)

FIGURE = ".st-key-embedding_chart .js-plotly-plot"
MARKS = """figure => figure.data.filter(t => t.customdata && t.mode === 'markers').flatMap(
  t => t.customdata.map((c, i) => [c[0], t.x[i]])).sort((a, b) => a[0] - b[0])"""
DRAWN = """figure => [...figure.querySelectorAll('.scatterlayer .points path')].map(
  path => path.getAttribute('transform')).join()"""
HEADLINE = "figure => figure.data.at(-1).text[0]"


def test_the_slider_moves_the_pictures_without_the_server(visit):
    page = visit("/moving?pic=3").page
    figure = page.locator(FIGURE)
    expect(figure.locator(".slider-group")).to_be_visible()
    ready(page)
    before, drawn = figure.evaluate(MARKS), settled(page, lambda: figure.evaluate(DRAWN))
    assert len(before) == 200
    page.evaluate(
        "() => { window.sent = 0; const send = WebSocket.prototype.send;"
        "WebSocket.prototype.send = function (x) { window.sent += 1; return send.call(this, x); }; }"
    )
    rail = figure.locator(".slider-rail-touch-rect").bounding_box()
    page.mouse.click(rail["x"] + rail["width"] - 4, rail["y"] + rail["height"] / 2)
    until(page, lambda: figure.evaluate(HEADLINE).startswith("<b>34 of 200 right</b>"), True)
    after = figure.evaluate(MARKS)
    assert [number for number, _ in after] == [number for number, _ in before]
    assert sum(a != b for (_, a), (_, b) in zip(after, before, strict=True)) > 150
    assert settled(page, lambda: figure.evaluate(DRAWN)) != drawn
    page.mouse.click(rail["x"] + 4, rail["y"] + rail["height"] / 2)
    until(page, lambda: figure.evaluate(HEADLINE).startswith("<b>197 of 200 right</b>"), True)
    assert page.evaluate("() => window.sent") == 0


def test_a_click_on_a_mark_chooses_its_picture_and_the_address_keeps_it(visit):
    page = visit("/moving?pic=3").page
    figure = page.locator(FIGURE)
    expect(figure.locator(".slider-group")).to_be_visible()
    ready(page)
    expect(page.get_by_text(re.compile("^Picture 3 shows"))).to_be_visible()
    # The mark that lies furthest to the right has no other one on it.
    at = figure.evaluate("""figure => {
      const marks = figure.data.flatMap((t, i) => t.customdata && t.mode === 'markers'
        ? t.customdata.map((c, j) => [c[0], t.x[j], t.y[j]]) : []).sort((a, b) => b[1] - a[1]);
      const [number, x, y] = marks[0], box = figure.getBoundingClientRect(), own = figure._fullLayout;
      return [number, box.x + own.xaxis._offset + own.xaxis.d2p(x),
              box.y + own.yaxis._offset + own.yaxis.d2p(y)];
    }""")
    page.mouse.move(at[1] - 1, at[2])
    page.mouse.click(at[1], at[2])
    expect(page.get_by_text(re.compile(f"^Picture {at[0]} shows"))).to_be_visible()
    expect(page).to_have_url(re.compile(f"pic={at[0]}"))


def test_the_other_axis_is_a_link(visit):
    page = visit("/moving?axis=eps").page
    expect(page.locator(FIGURE)).to_be_visible()
    ready(page)
    expect(page.get_by_text("PGD, 20 steps, one random start").first).to_be_visible()
    assert page.locator(FIGURE).evaluate("f => f._transitionData._frames.map(x => x.name)")[-1] == "8/255"
