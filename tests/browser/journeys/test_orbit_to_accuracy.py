"""From an orbit to an accuracy, as it is clicked: place, rate with its band, what is left, what to store."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from resq import physics
from resq.physics.places import parsed
from tests.browser.look import ready

expect.set_options(timeout=60_000)
TEN_YEARS = "orbit_686_days_3650_scrub_1"
NETS = ("signs/resnet20/base", "cifar10/resnet18/base")


def box(page):
    return page.locator(".st-key-place_box")


def told(place: physics.Place) -> str:
    """The rate with its band, as the box says it."""
    return f"bit error rate {place.ber.value:.2g} ({place.ber.low:.2g} to {place.ber.high:.2g})"


def shares(text: str) -> list[float]:
    """What is left, the ends of its band, and without faults, in percent."""
    found = re.search(r"keeps ([\d.]+) % \(([\d.]+) to ([\d.]+) %, [^;]+; without faults ([\d.]+) %\)", text)
    assert found, text
    return [float(number) for number in found.groups()]


@pytest.mark.parametrize("net", NETS)
def test_ten_years_in_orbit_scrubbed_once_a_day_is_one_link(visit, net):
    page = visit(f"/sweep?nets={net}&encs=int8&place={TEN_YEARS}").page
    expect(box(page)).to_contain_text(told(parsed(TEN_YEARS).place()))
    expect(box(page)).to_contain_text(f"{net} in int8 keeps")
    value, low, high, clean = shares(box(page).inner_text())
    assert low < value < high  # the band of the rate, of maps and of images
    assert value == pytest.approx(clean, abs=1)  # two bits of ten million are wrong
    expect(box(page)).to_contain_text("Alsat-1")


def test_from_the_box_to_a_rate_to_an_accuracy_to_what_is_stored(visit):
    page = visit(f"/sweep?nets={NETS[0]}&encs=int8").page
    ready(page)
    box(page).locator("summary").click()
    expect(box(page)).to_contain_text(told(parsed(TEN_YEARS).place()))
    for label, value in (("Days between scrubs", "0"), ("km", "1000")):
        field = box(page).get_by_label(label).first
        field.fill(value)
        field.press("Enter")
    chosen = "orbit_1000_days_3650"
    expect(page).to_have_url(re.compile(f"place={chosen}(&|$)"))
    worse = parsed(chosen).place()
    expect(box(page)).to_contain_text(told(worse))  # ten years without a scrub: two bits in a thousand
    expect(box(page)).to_contain_text("in int8 keeps")
    value, low, high, clean = shares(box(page).inner_text())
    assert low < value < high <= 100
    assert low < clean - 1  # at the upper end of the band something is lost
    onward = box(page).get_by_role("link", name="What to store there")
    # drawn after the sentence above it: until then it still leads to the place before
    expect(onward).to_have_attribute("href", re.compile(f"place={chosen}(&|$)"))
    onward.click()
    expect(page).to_have_url(re.compile(rf"/protect\?.*place={chosen}"))
    above = page.get_by_text("The next rate above it that is measured is")
    expect(above).to_be_visible()
    rate = float(re.search(r"measured is ([\d.e-]+):", above.inner_text())[1])
    assert rate >= worse.ber.high
    answer = page.locator(".st-key-protect_says")
    expect(answer).to_contain_text("bits a weight")
    kept = re.search(r"keeps ([\d.]+)\s% of .*?\((?:95 %: )?([\d.]+) to ([\d.]+) %", answer.inner_text())
    assert kept, answer.inner_text()
    assert float(kept[2]) <= float(kept[1]) <= float(kept[3])


def test_an_orbit_that_nobody_counted_is_refused_and_says_what_bounds_it(visit):
    page = visit(f"/sweep?nets={NETS[0]}&encs=int8&place={TEN_YEARS.replace('686', '500')}").page
    expect(box(page)).to_contain_text("altitude must lie in 686..1425 km, got 500")
    expect(box(page)).to_contain_text("686 km is an upper bound")
    expect(box(page)).to_contain_text(told(parsed(TEN_YEARS).place()))  # the controls keep to what is covered
