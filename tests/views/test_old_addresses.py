"""Links of earlier versions open what they opened: page, choice of every widget, no apology."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from resq.core.paths import ROOT
from tests.pages import fine

APP = ROOT / "dashboard" / "app.py"
BASE = "signs/resnet20/base"
# Page, what stood in the address, what widgets then hold by their keys.
OLD: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("start", {}, {}),
    (
        "bitlab",
        {
            "net": BASE,
            "enc": "int4-tmr2",
            "layer": "linear",
            "w": "5",
            "img": "3",
            "share": "10",
            "draw": "7",
        },
        {"layer": "linear.weight", "w": 5, "img": 3, "share": 0.1, "draw": 7},
    ),
    ("bitlab", {"net": BASE, "enc": "fp32", "flip": "30"}, {"flips": (30,)}),
    (
        "bitlab",
        {"net": BASE, "enc": "fp32", "pixels": "4", "attack": "FGSM", "mode": "with the flips", "start": "2"},
        {"pixels": 4.0, "attack": "fgsm", "mode": "adaptive", "start": 2},
    ),
    ("bitlab", {"task": "Flip bit 7.", "hide": "network,plane", "flip": "7"}, {"flips": (7,)}),
    ("tradeoff", {"net": BASE, "enc": "int8", "mode": "transfer", "thr": "50"}, {"thr": 50}),
    ("tradeoff", {"net": BASE, "enc": "int8", "ber": "0.01", "eps": "2"}, {"ber": 0.01, "eps": 2.0}),
    ("harden", {"net": BASE, "preset": "quick", "seed": "5"}, {"seed": 5}),
    ("harden", {"shown": "cifar10/resnet18/plus"}, {}),
    ("lessons", {"lesson": "shield"}, {}),
    ("sweep", {"nets": BASE, "encs": ["int8", "fp32"]}, {"nets": [BASE]}),
    ("sweep", {"n": "100", "maps": "2", "parts": "faults", "encs": ["int8"], "seed": "12"}, {"seed": 12}),
    ("layers", {"net": BASE, "layer": "linear", "bit": "7"}, {"layer": "linear.weight", "bit": 7}),
    ("layers", {"layer": "layer2.0.conv1", "bit": "5", "kind": "estimated"}, {"bit": 5}),
    ("layers", {"net": BASE, "film": "true", "kindof": "random", "draw": "3"}, {"draw": 3}),
    ("replay", {"claim": "resnet18-ber-1e-2"}, {}),
    ("replay", {"claim": "group-resnet18-8bit", "source": "other code"}, {}),
]


@pytest.mark.parametrize(("page", "query", "held"), OLD)
def test_an_old_link_opens_what_it_opened(page, query, held):
    app = AppTest.from_file(str(APP), default_timeout=240)
    for key, value in query.items():
        app.query_params[key] = value
    if page != "start":
        app.switch_page(f"views/{page}.py")
    app.run()
    fine(app)
    state = app.session_state
    now = {key: state[key] for key in held if key in state}
    assert now == held
    for key in ("net", "enc", "claim", "lesson", "shown"):
        if key in query and key in state:
            assert state[key] == query[key]


@pytest.mark.parametrize(("page", "key"), [("layers", "enc"), ("bitlab", "enc"), ("sweep", "encs")])
def test_an_encoding_that_lists_layers_keeps_its_exact_name_in_links_and_is_said_in_words_below(page, key):
    mixed = "int8+int4-tmr2@0.3.5"
    app = AppTest.from_file(str(APP), default_timeout=240)
    app.query_params["nets" if page == "sweep" else "net"] = BASE
    app.query_params[key] = mixed
    app.switch_page(f"views/{page}.py")
    app.run()
    fine(app)
    assert app.session_state[key] in (mixed, [mixed])
    assert any(f"`{mixed}` is int8, 3 layers protected." in text.value for text in app.caption)
