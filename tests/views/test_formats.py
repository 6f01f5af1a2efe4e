"""The Bit lab's box of formats: one weight, six words, bits that flip there; and flips of a real memory."""

from tests.pages import fine
from tests.views.test_app import opened, said


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
