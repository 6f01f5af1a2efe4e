"""The Bit lab's box of formats: one weight, six words, bits that flip there; and flips of a real memory."""

import re

from tests.pages import fine
from tests.views.test_app import opened, said, verdict


def boxed(**query: str):
    """The Bit lab with the box open."""
    app = opened("bitlab", net="signs/resnet20/base", enc="int8", layer="conv1.weight", w="5", **query)
    app.session_state["formats"] = True
    return app.run()


def test_each_of_six_formats_has_its_bits_and_a_click_flips_one_there_alone():
    app = boxed()
    fine(app)
    keys = [button.key for button in app.button if button.key and button.key.startswith("format_")]
    assert len(keys) == 16 + 16 + 8 + 8 + 8 + 4
    app.button(key="format_fp16_exponent_14").click().run()
    fine(app)
    assert "(65,536 times)" in said(app)
    assert said(app).count(" → **") == 1
    app.button(key="format_fp16_exponent_14").click().run()
    assert " → **" not in said(app)


def test_a_flip_that_was_seen_is_made_in_the_pages_own_word():
    app = boxed()
    assert not app.button(key="hammer_D1").disabled
    app.button(key="hammer_D1").click().run()
    fine(app)
    assert app.selectbox(key="enc").value == "fp16"
    assert app.session_state["flips"] == (14,)


def test_a_row_of_codes_is_named_as_the_labs_encoding_of_the_same_words():
    app = opened("bitlab", net="signs/resnet20/base", enc="int8-symmetric", layer="conv1.weight", w="79")
    app.session_state["formats"] = True
    fine(app.run())
    stored = [button.label.split()[0] for button in app.button if re.fullmatch(r"bit_\d", button.key or "")]
    row = [b.label.split()[0] for b in app.button if (b.key or "").startswith("format_int8-symmetric_")]
    assert row == stored == list("01010001")
    assert "**int8-symmetric**" in said(app)
    assert "**int8**" not in said(app)


def test_what_is_said_of_a_seen_flip_holds_for_a_weight_that_keeps_its_answer():
    app = opened("bitlab", flip="6", w="79")
    app.session_state["formats"] = True
    app.run().button(key="hammer_D1").click().run()
    assert "still" in verdict(app)
    assert "one such weight ruins" not in said(app)
    assert "the verdict above says" in said(app)
