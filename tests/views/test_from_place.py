"""The box "From a place" of the Sweep page: one link goes from an orbit to an accuracy."""

import pytest

from resq.physics.places import PLACES
from tests.pages import fine
from tests.views.test_app import NAME, opened

LINK = {"nets": NAME, "encs": "int8", "place": "orbit_686_days_3650_scrub_1"}


def _said(app):
    return "\n".join([m.value for m in app.markdown] + [c.value for c in app.caption])


def test_one_link_says_what_is_left_after_ten_years_in_orbit_scrubbed_once_a_day():
    app = opened("sweep", **LINK)
    fine(app)
    said = _said(app)
    assert (
        "**686 km, polar orbit, for 3650 days, scrubbed every day (the mean between two scrubs)**: "
        "bit error rate **2e-07**" in said
    )
    assert f"`{NAME}` in `int8` keeps **98.8 %**" in said
    assert "Alsat-1" in said
    assert app.query_params["place"] == "orbit_686_days_3650_scrub_1"


def test_another_place_is_chosen_and_goes_into_the_address():
    app = opened("sweep", **LINK)
    app.selectbox("place_kind").set_value("voltage").run()
    fine(app)
    assert "**0.56 V**: bit error rate" in _said(app)
    assert app.query_params["place"] == "voltage_0.56"


@pytest.mark.parametrize("kind", PLACES)
def test_every_kind_of_place_opens(kind):
    usual = PLACES[kind]
    place = f"{kind}_{usual.usual:g}" if usual.unit else kind
    app = opened("sweep", **{**LINK, "place": place})
    fine(app)
    assert "bit error rate **" in _said(app)


def test_a_place_beyond_its_source_is_refused_with_what_it_covers():
    app = opened("sweep", **{**LINK, "place": "orbit_500"})
    fine(app, "altitude must lie in 686..1425 km, got 500")
    assert "got 500" in _said(app)
    assert "the counted orbits lie there" in _said(app)
    assert "**686 km" in _said(app)  # the controls keep to what is covered
