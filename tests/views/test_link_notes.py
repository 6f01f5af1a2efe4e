"""What a link asks for is shown, or one sentence says what is shown in its place."""

import pytest

from dashboard.model import url_schema
from tests.pages import fine
from tests.views.test_app import opened

BASE = "signs/resnet20/base"


def notes(app) -> list[str]:
    return [text.value for text in app.text if text.value.startswith("The link asks for")]


# Page, what its link says, what is then held by key.
HONOURED = [
    ("sweep", {"nets": BASE, "n": "37", "maps": "3", "steps": "7"}, {"n": 37, "maps": 3, "steps": 7}),
    ("tradeoff", {"net": BASE, "n": "37", "maps": "3", "thr": "52"}, {"n": 37, "maps": 3, "thr": 52}),
    ("replay", {"n": "37", "maps": "3"}, {"n": 37, "maps": 3}),
    ("harden", {"net": BASE, "scale": "0.7"}, {"scale": 0.7}),
    ("protect", {"net": BASE, "bits": "8.1"}, {"bits": 8.1}),
    ("sweep", {"nets": BASE, "n": "1000", "attack": "FGSM", "points": "more", "encs": "fp32"}, {"n": 1000}),
    ("bitlab", {"net": BASE, "enc": "int8", "flip": "3,7"}, {"flips": (7, 3)}),
    ("layers", {"net": BASE, "layer": "linear", "bit": "7", "film": "true", "kindof": "random"}, {"bit": 7}),
]


@pytest.mark.parametrize(("page", "query", "held"), HONOURED)
def test_a_link_is_honoured_where_it_can_be(page, query, held):
    app = opened(page, **query)
    fine(app)
    assert {key: app.session_state[key] for key in held} == held
    assert notes(app) == []


# Page, one parameter that cannot be, its text in the link, what is shown for it.
REPLACED = [
    ("sweep", "n", "9999999", "1000"),
    ("sweep", "n", "many", "1000"),
    ("sweep", "encs", "int3000", "int8"),
    ("sweep", "fault", "gremlins", ""),
    ("sweep", "attack", "laser", "PGD"),
    ("sweep", "cell", "nowhere", ""),
    ("tradeoff", "ber", "0.02345", ""),
    ("tradeoff", "eps", "77", ""),
    ("tradeoff", "enc", "int3", "int8"),
    ("tradeoff", "mode", "sideways", "adaptive"),
    ("bitlab", "layer", "layer99", ""),
    ("bitlab", "w", "99999999", ""),
    ("bitlab", "img", "999", ""),
    ("bitlab", "flip", "77", ""),
    ("bitlab", "rate", "0.5", "0"),
    ("layers", "bit", "31", "7"),
    ("harden", "preset", "strongest", "quick"),
    ("harden", "scale", "1000", "1"),
    ("protect", "ber", "0.0123", "0.01"),
    ("protect", "sampler", "cosmic", "random"),
    ("replay", "claim", "no-such-claim", ""),
    ("leaderboard", "data", "imagenet", "all"),
]


@pytest.mark.parametrize(("page", "name", "text", "instead"), REPLACED)
def test_what_cannot_be_shown_is_said_in_one_sentence(page, name, text, instead):
    first = {"net": BASE} if "net" in url_schema.PARAMS[page] else {}
    if page == "sweep":
        first = {"nets": BASE}
    app = opened(page, **first, **{name: text})
    fine(app)
    [note] = notes(app)
    assert f"{name}={text} (" in note
    assert f"it shows {name}={instead}" in note or not instead


def test_the_sentence_goes_when_something_else_is_chosen():
    app = opened("sweep", nets=BASE, n="9999999")
    assert len(notes(app)) == 1
    app.select_slider(key="n").set_value(500).run()
    assert notes(app) == []
