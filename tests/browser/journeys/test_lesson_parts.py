"""Parts of lessons in a real browser: a number, its distance, a reflection, a design challenge."""

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.look import ready

expect.set_options(timeout=60_000)


def test_a_number_is_predicted_and_the_reveal_says_how_far_off_it_was(visit):
    page = visit("/lessons?lesson=epsilon").page
    ready(page)
    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(2):
        slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "60 %")
    page.get_by_role("button", name="That is my answer").click()
    expect(page.get_by_text("You predicted 60 %; measured: 34.8 %, 25.2 points off.")).to_be_visible()
    expect(page.get_by_text("PGD is one attack: stronger ones leave fewer").first).to_be_visible()
    page.get_by_text("The mathematics").click()
    expect(page.locator(".katex").first).to_be_visible()
    page.get_by_text("the number of steps", exact=True).click()
    page.locator(".st-key-reflect_commit_epsilon_0 button").click()
    expect(page.get_by_text("You said: the number of steps. Right is")).to_be_visible()
    page.reload()
    expect(page.get_by_text("You predicted 60 %")).to_be_visible()  # locked
    expect(page.get_by_text("You said: the number of steps. Right is")).to_be_visible()


def slide(page, number: int, steps: int) -> None:
    slider = page.locator(f".st-key-design_msb_3_{number}").get_by_role("slider")
    slider.focus()
    for _ in range(abs(steps)):
        slider.press("ArrowRight" if steps > 0 else "ArrowLeft")


def test_a_design_challenge_is_failed_and_then_solved(visit):
    page = visit("/lessons?lesson=msb&step=4&said=0,0,0,2").page
    ready(page)
    for left in (3, 2, 1):
        page.get_by_role("button", name=f"Build it ({left} trial").click()
        expect(page.get_by_text(f"Trial {4 - left}")).to_be_visible()
    expect(page.get_by_text("Failed: none of 3 designs keeps 90")).to_be_visible()
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_text("8.00 of 9 bits a weight")).to_be_visible()
    slide(page, 0, 2)
    expect(page.get_by_text("four bits, the top two thrice").first).to_be_visible()
    slide(page, 1, 4)
    expect(page.get_by_text("8.45 of 9 bits a weight")).to_be_visible()
    page.get_by_role("button", name="Build it").click()
    expect(page.get_by_text("Solved in trial 1.")).to_be_visible()


def test_a_lesson_is_read_in_german_and_keeps_its_answer(visit):
    page = visit("/lessons?lesson=bit&said=2,0").page
    expect(page.get_by_text("You said: by 7")).to_be_visible()
    page.get_by_text("Deutsch", exact=True).click()
    expect(page.get_by_text("Deine Antwort: um 7. Das ist falsch; richtig ist um 128")).to_be_visible()
    page.get_by_role("button", name="Weiter").click()
    expect(page.get_by_text("Welchem Speicher traust du mehr?")).to_be_visible()
