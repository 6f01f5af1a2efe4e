"""A class of five and a teacher, each in a browser: predictions, a killed server, reveal, ledgers."""

import contextlib
import json
import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Error, expect

from dashboard.model import lessons
from tests.browser.conftest import PATIENCE, free_port, served

expect.set_options(timeout=60_000)
CHOICES = ("by 128", "by 128", "by 7", "by 64", "by 128")
SHOWN = "by 1: 0; by 7: 1; by 64: 1; by 128: 3"


@pytest.fixture
def person(browser):
    """Opens an address as somebody new: a context each, as on machines of their own."""
    contexts = []

    def come(url: str, **options: object):
        context = browser.new_context(viewport={"width": 1280, "height": 720}, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        return page

    yield come
    for context in contexts:
        context.close()


def predict(page, choice: str) -> None:
    page.get_by_text(choice, exact=True).click()
    page.get_by_role("button", name="That is my answer").click()
    expect(page.get_by_text("The answer comes when your teacher shows it")).to_be_visible()


def histogram(page, counts: str) -> None:
    """The chart says these counts to a screen reader, and draws a bar for each."""
    expect(
        page.get_by_role("figure", name=counts).or_(page.locator(f'[aria-label="{counts}"]')).first
    ).to_be_visible()
    expect(page.locator('[class*="st-key-votes_bit_0"] .bars .point')).to_have_count(4)


def test_a_view_opens_after_the_prediction_and_leads_back_to_the_room(person, tmp_path):
    with served(tmp_path, free_port()) as (url, _):
        teacher = person(f"{url}/lessons?lesson=msb")
        teacher.get_by_role("link", name="A class that predicts together").click()
        first = teacher.locator(".st-key-room_first input")
        expect(first).to_have_value("Why the most significant bit?")
        teacher.get_by_role("button", name="Open a room").click()
        expect(teacher).to_have_url(re.compile(r"teach="))
        code = re.search(r"code=([A-Z]{5})", teacher.url)[1]
        learner = person(f"{url}/classroom?code={code}")
        expect(learner.get_by_text("Commit to an answer to open the view")).to_be_visible()
        expect(learner.get_by_role("link", name="Open this view")).to_have_count(0)
        predict(learner, "it gets wider")
        expect(learner).to_have_url(re.compile("me="))
        me = learner.url.partition("me=")[2]
        learner.get_by_role("link", name="Open this view").click()
        expect(learner).to_have_url(re.compile("bitlab.*task="))
        learner.get_by_role("link", name="Back to the room").click()
        expect(learner.get_by_text("You predicted: it gets wider")).to_be_visible()
        expect(learner).to_have_url(re.compile(rf"me={me}"))  # the same learner


def test_five_predict_one_teaches_and_a_killed_server_loses_nothing(person, tmp_path):
    port = free_port()
    with served(tmp_path, port) as (url, server):
        teacher = person(f"{url}/classroom?present=1")
        teacher.get_by_role("button", name="Open a room").click()
        expect(teacher).to_have_url(re.compile(r"teach="))
        code = re.search(r"code=([A-Z]{5})", teacher.url)[1]
        expect(teacher.get_by_role("heading", name=code)).to_be_visible()
        learners = [person(f"{url}/classroom?code={code}") for _ in CHOICES]
        for page, choice in zip(learners[:3], CHOICES[:3], strict=True):
            predict(page, choice)
        for page in learners:
            expect(page).to_have_url(re.compile(r"me="))
        expect(teacher.get_by_text("5 joined · 3 have predicted")).to_be_visible()
        places = [page.url for page in [teacher, *learners]]
        server.kill()
        server.wait()
    with served(tmp_path, port):  # the same machine comes up again
        for page, place in zip([teacher, *learners], places, strict=True):
            page.goto(place)  # a reload
        expect(teacher.get_by_text("5 joined · 3 have predicted")).to_be_visible()
        expect(learners[0].get_by_text("You predicted: by 128")).to_be_visible()
        for page, choice in zip(learners[3:], CHOICES[3:], strict=True):
            predict(page, choice)
        expect(teacher.get_by_text("5 of 5 have answered.")).to_be_visible()
        expect(teacher.locator('[class*="st-key-votes_bit_0"]')).to_have_count(0)
        expect(learners[0].get_by_text("Each bit counts twice as much")).to_have_count(0)
        teacher.get_by_role("button", name="Reveal").click()
        for page, choice in zip(learners, CHOICES, strict=True):
            expect(page.get_by_text("Each bit counts twice as much")).to_be_visible()
            expect(
                page.get_by_text("That is right" if choice == "by 128" else "Right is by 128")
            ).to_be_visible()
        histogram(teacher, SHOWN)
        histogram(learners[2], SHOWN)
        expect(learners[2].get_by_text("1 of 5 in the class predicted what you did")).to_be_visible()
        learners[2].get_by_role("textbox", name="What do you conclude?").fill("Places double.")
        learners[2].get_by_role("textbox", name="What do you conclude?").press("Control+Enter")
        ledger = saved(learners[2], tmp_path)
        [step] = json.loads(ledger.read_text(encoding="utf-8"))["steps"]
        assert (step["predicted"], step["right"], step["concluded"]) == ("by 7", False, "Places double.")
        assert step["class"] == {"by 1": 0, "by 7": 1, "by 64": 1, "by 128": 3}
        assert step["revealed"] == next(one for one in lessons.every() if one.name == "bit").steps[0].reveal
        check(teacher, code, url, ledger, "1 prediction: 0 right, 1 wrong")
        teacher.get_by_role("button", name="Next").click()
        for page in learners:
            expect(page.get_by_text("Which store do you trust more?").first).to_be_visible()


def saved(page, folder):
    """The ledger as the learner takes it home, with the sentence in it."""
    expect(page.get_by_role("textbox", name="What do you conclude?")).to_have_value("Places double.")
    file = folder / "ledger.json"
    for _ in range(
        20
    ):  # the sentence is on its way to the server; a download that a new run overtakes is cancelled
        with page.expect_download() as download:
            page.get_by_role("button", name="My ledger", exact=True).click()
        with contextlib.suppress(Error):
            download.value.save_as(file)
            if "Places double." in file.read_text(encoding="utf-8"):
                break
        page.wait_for_timeout(500)
    return file


def check(teacher, code: str, url: str, file, sentence: str) -> None:
    """The teacher's page finds the file as the lab wrote it."""
    teacher.get_by_text("Check a ledger that was handed in").click()
    teacher.locator(".st-key-room_ledger input[type=file]").set_input_files(file)
    expect(teacher.get_by_text(f"As the lab wrote it: {sentence}")).to_be_visible()
