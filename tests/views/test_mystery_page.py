"""The mystery's page: questions cost, a diagnosis counts once, a teacher's code hides what was chosen."""

import pytest

from dashboard import cached
from dashboard.model.mystery import diagnosis, probes
from resq.measure.run.mystery import cases
from resq.measure.run.mystery.cases import Fault
from tests.pages import fine
from tests.views.test_app import choice, figures, opened, said

TRUE = Fault("layer2.1.conv2.weight", 6, "stuck at 1", 0.3)


def code_of(cause, letter="F") -> str:
    return cases.hidden(cause, cases.every(cached.mystery_words()), letter).code


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_a_question_costs_its_price_once_and_its_answer_stays_after_a_reload():
    app = opened("mystery", case=code_of(TRUE))
    fine(app)
    assert metrics(app)["Spent"] == "0 points"
    assert figures(app) == 0
    app.button(key="mystery_trace").click().run()
    assert (metrics(app)["Spent"], metrics(app)["Still to win"]) == ("25 points", "75 points")
    assert "The first layer whose output is off is layer2.1.conv2" in said(app)
    assert app.button(key="mystery_trace").disabled
    app.selectbox(key="mystery_layer").set_value(11).run()
    app.button(key="mystery_ones").click().run()
    assert metrics(app)["Spent"] == "33 points"
    again = opened("mystery", case=code_of(TRUE), asked="trace,ones-11")
    assert metrics(again)["Spent"] == "33 points"
    assert figures(again) == 2


def test_what_each_question_gives_is_said_without_resting_on_a_button():
    for case, others in (("F3", {"clean", "pixels"}), ("H3", set())):
        words = said(opened("mystery", case=case))
        for name, probe in probes.PROBES.items():
            assert (probe.about in words) == (name not in others)
        assert "rest on" not in words


def test_every_question_of_a_case_has_an_answer():
    asked = "flow,clean,pixels,trace,sum-3,hist-3,ones-3,words-3"
    app = opened("mystery", case="H3", asked=asked)
    fine(app)
    assert metrics(app)["Spent"] == "87 points"
    assert figures(app) == 5  # no word of that layer has changed: a sentence, and no empty figure


def test_a_diagnosis_counts_once_and_shows_what_it_was_and_its_points():
    app = opened("mystery", case=code_of(TRUE), asked="trace,ones-11")
    app.selectbox(key="mystery_named_layer").set_value(TRUE.layer).run()
    assert app.button(key="mystery_commit").disabled
    for key, value in (("bit", 6), ("kind", "stuck at 1"), ("share", 0.1)):
        choice(app, "button_group", f"mystery_{key}").set_value(value).run()
    app.button(key="mystery_commit").click().run()
    fine(app)
    assert [h.value for h in app.header] == [":material/flag: 57 points"]  # 100 - 10 - 33
    assert "bit 6 of layer2.1.conv2 is stuck at 1 in 30 % of the words" in said(app)
    assert all(app.button(key=f"mystery_{name}").disabled for name in ("flow", "hist"))
    assert not [b for b in app.button if b.key == "mystery_commit"]
    assert "Still to win" not in metrics(app)  # a diagnosis counts once: nothing is left to win
    assert metrics(app)["Spent"] == "33 points"


def test_hacked_or_broken_asks_for_the_cause_first():
    app = opened("mystery", case=code_of(TRUE, "H"))
    assert not [s for s in app.selectbox if s.key == "mystery_named_layer"]
    choice(app, "button_group", "mystery_cause").set_value("hacked").run()
    for key, value in (("eps", 8), ("attack", "pgd")):
        choice(app, "button_group", f"mystery_{key}").set_value(value).run()
    app.button(key="mystery_commit").click().run()
    assert ":material/flag: 0 points" in [h.value for h in app.header]
    assert "| hacked or broken | hacked | broken | 0 of 40 |" in said(app)


def test_a_teacher_hides_a_cause_and_gets_its_codes():
    app = opened("mystery")
    choice(app, "expander", "mystery_hide")
    app.session_state["mystery_hide"] = True
    app.run()
    choice(app, "button_group", "hide_cause").set_value("broken").run()
    app.selectbox(key="hide_named_layer").set_value(TRUE.layer).run()
    for key, value in (("bit", 6), ("kind", "stuck at 1"), ("share", 0.3)):
        choice(app, "button_group", f"hide_{key}").set_value(value).run()
    links = [link.proto.label for link in app.get("page_link")]
    assert any(label.startswith(f"Case {code_of(TRUE)} asks") for label in links)
    assert any(label.startswith(f"Case {code_of(TRUE, 'H')} asks") for label in links)


def test_another_case_begins_from_its_beginning():
    app = opened("mystery", case="F3", asked="flow", named="broken.0.7.1.2")
    app.button(key="mystery_draw_H").click().run()
    assert "asked" not in app.query_params
    assert "named" not in app.query_params
    assert metrics(app)["Spent"] == "0 points"


def test_a_wrong_code_in_the_box_stays_on_the_page_with_a_sentence():
    app = opened("mystery", case="F3")
    app.text_input(key="mystery_code").set_value("nine").run()
    assert "'nine' is no case" in said(app)
    assert metrics(app)["Spent"] == "0 points"


@pytest.mark.sorry("is no case", "hides nothing")
def test_a_wrong_code_in_a_link_says_so_and_leads_on():
    for code in ("nine", "F99999"):
        app = opened("mystery", case=code)
        assert app.button(key="mystery_again")
    app.button(key="mystery_again").click().run()
    assert metrics(app)["Spent"] == "0 points"


def test_a_diagnosis_of_an_address_is_scored_the_same():
    layers = list(cached.mystery_words().weights)
    app = opened("mystery", case=code_of(TRUE), named=diagnosis.written(TRUE, layers))
    assert [h.value for h in app.header] == [":material/flag: 100 points"]


def test_the_lessons_lead_to_it():
    assert any("mystery" in str(link.proto) for link in opened("lessons").get("page_link"))


def test_a_click_right_after_another_choice_is_of_that_choice():
    """The choice and the click reach a busy server together, before the page is drawn with the choice."""
    app = opened("mystery", case=code_of(TRUE))
    at = list(cached.mystery_words().weights).index(TRUE.layer)
    app.selectbox(key="mystery_layer").set_value(at)
    app.button(key="mystery_words").click().run()
    assert "Compare word by word · layer2.1.conv2" in said(app)
    assert app.query_params["asked"] in (f"words-{at}", [f"words-{at}"])
    lesson = opened("lessons", lesson="epsilon")
    choice(lesson, "select_slider", "said_epsilon_0").set_value("80 %")
    lesson.button(key="commit_epsilon_0").click().run()
    assert "You predicted **80 %**" in said(lesson)
