"""What the Bit lab marks and writes beside the answer is true of the weight and the picture that it shows."""

import numpy as np

from dashboard.charts.bits import answer_bars
from dashboard.format import sentences
from dashboard.forms.bitlab_word import DECIDES
from dashboard.model import decisive
from tests.views.test_app import opened, said

FOUND = decisive.every()[0]


def marked(app) -> list[str]:
    """The keys of the tiles that stand in the yellow frame."""
    inside, todo = [], [app._tree]
    while todo:
        block = todo.pop()
        children = list(getattr(block, "children", {}).values())
        todo += children
        if str(getattr(getattr(block, "proto", None), "id", "")).endswith(f"-{DECIDES}"):
            inside += [child.key for child in children]
    return inside


def test_the_frame_is_on_the_bit_that_was_found_and_on_no_other_weights():
    app = opened("bitlab")
    assert marked(app) == [f"bit_{FOUND.bit}"]
    app.number_input(key="w").set_value(FOUND.w + 1).run()
    assert marked(app) == []
    app.number_input(key="w").set_value(FOUND.w).run()
    assert marked(app) == [f"bit_{FOUND.bit}"]
    app.button(key="largest").click().run()
    assert (app.number_input(key="w").value == FOUND.w) == bool(marked(app))


def test_the_frame_stays_while_its_own_bit_is_flipped_by_a_click_or_a_link():
    app = opened("bitlab")
    app.button(key=f"bit_{FOUND.bit}").click().run()
    assert marked(app) == [f"bit_{FOUND.bit}"]
    assert marked(opened("bitlab", flip=str(FOUND.bit))) == [f"bit_{FOUND.bit}"]


def test_no_bit_is_said_to_decide_while_others_flip_too():
    other = (FOUND.bit + 1) % 8
    assert marked(opened("bitlab", flip=str(other))) == []
    app = opened("bitlab", share="10", plane="0")
    assert app.session_state["share"]
    assert marked(app) == []
    app = opened("bitlab", rate="0.01")
    assert marked(app) == []
    assert "Found beforehand" not in said(app)


def test_the_label_of_a_bar_is_the_share_that_the_verdict_says():
    answers = np.array([0.7747, 0.2253])
    [label, _] = answer_bars(["a", "b"], answers).whole().data[-1].text
    assert label.split() == ["77.5", "%"]
    assert sentences.verdict(["a", "b"], answers, answers, 0, False).detail.startswith("77.5")
    sure = np.array([0.99996, 0.00004])
    assert answer_bars(["a", "b"], sure).whole().data[-1].text[0].split() == [">99.9", "%"]
