"""An address opens what its sender saw, also where what is usual depends on another choice."""

import pytest

from tests.pages import fine
from tests.views.test_app import opened, verdict

SEEN = ("layer", "w", "img", "enc")


def place(app) -> dict[str, object]:
    """Layer, weight, picture and encoding that the Bit lab shows."""
    return {name: app.session_state[name] for name in SEEN}


def reopened(app):
    """The same address, opened by somebody else."""
    return opened("bitlab", **{name: app.query_params[name] for name in app.query_params})


def choose(app, enc: str) -> None:
    """Chooses an encoding as a browser does, which writes it into the address unless it is the usual one."""
    app.query_params["enc"] = enc
    if enc == "int8":
        del app.query_params["enc"]
    app.selectbox(key="enc").set_value(enc).run()


@pytest.mark.parametrize("encs", [("int8-magnitude",), ("fp32", "int4"), ("fp32", "int8")])
def test_the_bit_labs_address_opens_the_same_weight_and_picture_in_another_encoding(encs):
    app = opened("bitlab")
    for enc in encs:
        choose(app, enc)
    fine(app)
    other = reopened(app)
    fine(other)
    assert place(other) == place(app)
    assert verdict(other) == verdict(app)


def test_a_flip_seen_on_hardware_opens_as_its_sender_saw_it():
    app = opened("bitlab", flip="6", w="79")
    app.session_state["formats"] = True
    app.run().button(key="hammer_D1").click().run()
    fine(app)
    other = reopened(app)
    assert place(other) == place(app)
    assert app.session_state["enc"] == "fp16"
    assert other.session_state["flips"] == app.session_state["flips"] == (14,)
    assert verdict(other) == verdict(app)
