"""The page of moving pictures: what it opens with, what is chosen, measured, refused."""

import json

import pytest

from dashboard import cached
from dashboard.model.moving import choice as choices
from resq.measure.analysis import embedding
from resq.measure.run.embedding import steps
from resq.measure.run.embedding.spec import EmbeddingSpec
from tests.pages import fine
from tests.server.test_job_queue import until
from tests.views.test_app import NAME, commands, figures, opened, said

SPEC = EmbeddingSpec(NAME, bers=(2e-2,), eps=(4.0,), steps=2, maps=2, n=16)


@pytest.fixture
def small(monkeypatch, own_folders):
    """The page measures few pictures, and its work folder is its own."""
    monkeypatch.setattr(choices, "spec", lambda net, enc: SPEC)


def frames(app) -> list[str]:
    specs = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    return [frame["name"] for spec in specs for frame in spec.get("frames", ())]


def test_it_opens_with_the_stored_steps_of_the_first_network():
    app = opened("moving")
    fine(app)
    assert figures(app) == 4
    assert "Stored rows · n = 200 first test images · random flips, map 1 of 3 · seed 0" in said(app)


def test_what_is_chosen_in_the_address_or_on_the_page_is_shown():
    app = opened("moving", axis="eps", pic="5")
    fine(app)
    assert "Picture 5 shows" in said(app)
    assert "PGD, 20 steps, one random start" in said(app)
    assert not [b for b in app.get("button_group") if b.key == "nth"]
    app.number_input(key="pic").set_value(7).run()
    assert "Picture 7 shows" in said(app)
    other = opened("moving", nth="3")
    assert "map 3 of 3" in said(other)


def test_steps_are_measured_as_a_job_and_are_those_of_the_command(small):
    app = opened("moving")
    assert "Nothing is stored for" in said(app)
    app.button(key="measure_moving").click().run()
    run = next(iter(cached.measurements()._all.values()))
    until(lambda: run.state == "done", 240)
    app.run()
    fine(app)
    assert frames(app) == ["as stored", "2·10⁻²"]
    assert "Measured here" in said(app)
    for mine, theirs in zip(run.rows, steps.run(SPEC), strict=True):
        assert {**mine, "x": 0, "y": 0, "logits": 0, "plane": 0} == json.loads(
            json.dumps({**theirs, "x": 0, "y": 0, "logits": 0, "plane": 0})
        )
        for name in ("x", "y", "logits", "plane"):
            a, b = embedding.numbers(mine[name]), embedding.numbers(theirs[name])
            assert abs(a - b).max() <= 1e-12
    assert embedding.kept_file(SPEC, run.rows[0]["weights"]).is_file()
    assert cached.embedded(SPEC).source == "Measured here"


def test_a_network_without_stored_steps_says_what_measures_them():
    app = opened("moving", net=NAME, enc="fp32")
    fine(app, "Nothing is stored for")
    assert any("embed signs/resnet20/base --encoding fp32 --ber 1e-07" in line for line in commands(app))


@pytest.mark.sorry("is a deployed file")
def test_a_deployed_file_is_one_sentence(monkeypatch):
    monkeypatch.setattr("dashboard.forms.filelab.names", lambda: ["net-0123@abc.tflite"])
    app = opened("moving", net="net-0123@abc.tflite")
    assert "its runtime gives answers and no features" in said(app)
    assert figures(app) == 0


@pytest.mark.parametrize("page", ["layers", "tradeoff", "bitlab"])
def test_other_pages_lead_to_it(page):
    assert any("moving" in str(link.proto) for link in opened(page).get("page_link"))
