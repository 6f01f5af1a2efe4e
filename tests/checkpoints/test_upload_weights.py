"""A visitor's own checkpoint, and the chosen sweeps as a file: kept where they fit, else a sentence."""

import json
import pickle
import re

import numpy as np
import pytest
import streamlit as st
from safetensors.numpy import save

from dashboard import cached
from dashboard.components import render
from dashboard.forms import measure_map, sweep
from dashboard.model.own import ownnames, uploads
from resq import checkpoints
from resq.core import paths
from resq.data.normal import USUAL
from resq.measure.specs.sweep_spec import SweepSpec, read
from resq.measure.store import rows_by_key
from tests.dashboard.test_charts import row
from tests.malformed import malicious
from tests.pages import fine
from tests.server.test_job_queue import FakeJob, until
from tests.views.test_app import NAME, opened, said


@pytest.fixture(autouse=True)
def _fresh(own_folders, monkeypatch) -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setattr(cached.measurements(), "_start", FakeJob)


@pytest.fixture
def raw(tiny) -> bytes:
    """The tiny network's weights as a file from elsewhere."""
    return save({name: value.copy() for name, value in tiny.state.items()})


def brought(app, file: bytes, name: str = "mine.safetensors", data: str = "signs"):
    """The page after the dialog was opened and a file given."""
    app.button(key="bring").click().run()
    app.selectbox(key="bring_network").set_value("resnet20")
    app.selectbox(key="bring_data").set_value(data)
    app.file_uploader(key="bring_file").upload(name, file, "application/octet-stream").run()
    return app.button(key="bring_it").click().run()


def test_a_file_that_fits_becomes_a_checkpoint_that_loads_and_the_same_file_the_same_one(raw, tiny):
    name = uploads.checkpoint(raw, "my net.safetensors", "resnet20", "signs")
    assert name.startswith("signs/resnet20/own-")
    assert uploads.checkpoint(raw, "again.safetensors", "resnet20", "signs") == name
    loaded = checkpoints.load(name)
    assert set(loaded.state) == set(tiny.state)
    assert loaded.card["measured"].startswith("not measured")


def test_a_file_that_is_of_none_of_the_chosen_lists_is_taken_as_what_its_shapes_are(raw):
    app = brought(opened("tradeoff"), raw, data="cifar10")  # the tiny network tells 16 signs apart
    fine(app)
    assert app.selectbox(key="net").value.startswith("signs/resnet20/own-")
    assert "it has the shapes of resnet20 for the classes of signs, not those chosen" in said(app)


def test_a_file_of_no_known_shapes_is_refused_for_what_was_chosen():
    strange = save({"fc.weight": np.zeros((16, 3), np.float32)})
    assert uploads.identified(strange, "strange.safetensors") is None
    app = brought(opened("tradeoff"), strange, "strange.safetensors")
    assert "This file is not used: strange" in said(app).replace("\\", "")


@pytest.mark.parametrize("page", ["bitlab", "harden", "layers", "tradeoff"])
def test_a_brought_checkpoint_is_chosen_on_the_page(raw, page):
    app = brought(opened(page), raw)
    fine(app)
    assert app.selectbox(key="net").value.startswith("signs/resnet20/own-")
    assert "is kept and chosen" in said(app)


def another(raw_of: dict[str, np.ndarray]) -> bytes:
    """The weights of a second network of the same shapes."""
    return save({name: np.asarray(2 * value, value.dtype) for name, value in raw_of.items()})


@pytest.mark.parametrize("called", ["a", "z"])
def test_a_second_network_is_brought_beside_the_first_and_both_can_be_gone_on_with(raw, tiny, called):
    brought(opened("tradeoff"), raw, "m.safetensors")
    first = next(name for name in cached.names() if "own-m-" in name)
    app = brought(opened("tradeoff"), another(tiny.state), f"{called}.safetensors")  # after a reload
    fine(app)
    second = app.session_state["brought_name"]
    assert f"own-{called}-" in second
    text = said(app)
    assert f"Go on with {render.plain(second)}:" in text
    earlier = app.selectbox(key="own_name")
    if earlier.value != first:
        earlier.set_value(first)
        app.run()
        fine(app)
    assert f"Go on with {render.plain(first)}:" in said(app)
    app.button(key="earlier_close").click().run()
    fine(app)
    assert app.selectbox(key="net").value == first
    assert not app.session_state["bringing"]


def test_on_start_the_box_opens_over_start_and_leads_on_from_there(raw):
    app = brought(opened("start"), raw)
    fine(app)
    assert app.title[0].value == "What is left of a network when its memory fails?"
    assert "is kept and chosen" in said(app)
    keys = {button.key for button in app.button}
    assert "bring_close" not in keys  # Start has no list to go on with
    assert {f"bring_go_{page}" for page in ("sweep", "tradeoff", "layers", "harden", "bitlab")} <= keys
    app.button(key="bring_go_layers").click().run()
    assert app.selectbox(key="net").value == app.session_state["brought_name"]


def test_the_accuracy_of_a_brought_checkpoint_is_measured_and_told(raw):
    app = brought(opened("bitlab"), raw)
    run = next(iter(cached.measurements()._all.values()))
    until(lambda: run.jobs)
    name = app.selectbox(key="net").value
    assert run.jobs[0].argv == SweepSpec(name, encoding="fp32", bers=(0.0,), maps=1).argv()
    run.jobs[0].rows = [row(checkpoint=name, encoding="fp32", n=1000, correct=62)]
    run.jobs[0].state = "done"
    until(lambda: run.state == "done")
    assert "**6.2 %** of the first 1000 test images of signs" in said(app.run()).replace("\u202f", " ")
    fine(app)


@pytest.mark.sorry("are not on this machine")
def test_where_the_images_are_missing_it_is_said_that_nothing_is_measured(raw, monkeypatch):
    monkeypatch.setattr(cached, "present", lambda name: False)
    app = brought(opened("harden"), raw)
    assert "Its accuracy is not measured: the images of signs are not on this machine" in said(app)
    assert not cached.measurements()._all


@pytest.mark.parametrize(
    ("file", "name", "sentence"),
    [
        (b"no weights", "x.safetensors", "x.safetensors claims a header of"),
        (pickle.dumps({"a": 1}), "x.pt", "x.pt is a pickle, but not one that torch.save wrote"),
    ],
)
def test_a_bad_file_is_one_sentence_and_the_page_stays(file, name, sentence):
    app = opened("bitlab")
    before = app.selectbox(key="net").value
    app = brought(app, file, name)
    fine(app)
    told = [text.value for text in app.markdown if "This file is not used" in text.value]
    assert len(told) == 1
    assert sentence in told[0]
    assert app.selectbox(key="net").value == before


def test_a_file_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"'x\.pkl' is none of \.safetensors, \.pth\.tar, \.pt, \.pth, \.th"):
        uploads.checkpoint(b"x", "x.pkl", "resnet20", "signs")


def test_nothing_in_a_file_is_executed(tmp_path):
    marker = tmp_path / "executed"
    for name, file in malicious(marker).items():
        with pytest.raises(ValueError):  # noqa: PT011 - the sentences are test_foreign's
            uploads.checkpoint(file, "x.pt", "resnet20", "signs")
        assert not marker.exists(), name


def test_weights_of_other_classes_too_large_a_file_and_too_many_are_refused(raw, monkeypatch):
    with pytest.raises(ValueError, match="does not fit"):
        uploads.checkpoint(raw, "x.safetensors", "resnet20", "cifar10")
    monkeypatch.setattr(uploads, "MOST_KEPT", 0)
    with pytest.raises(ValueError, match="as many as may"):
        uploads.checkpoint(raw, "x.safetensors", "resnet20", "signs")
    monkeypatch.setattr(uploads, "MOST_WEIGHTS", 2**20)
    with pytest.raises(ValueError, match="checkpoints up to 1 MB"):
        uploads.checkpoint(bytes(2**20 + 1), "x.safetensors", "resnet20", "signs")


def test_a_hostile_name_becomes_no_path(raw):
    name = uploads.checkpoint(raw, "../../../etc/x.safetensors", "resnet20", "signs")
    file = checkpoints.find(name)
    assert file.parent == paths.work() / "weights" / "signs" / "resnet20"
    assert json.loads(file.with_suffix(".json").read_text())["source"]["file"] == "../../../etc/x.safetensors"


def test_the_saved_file_of_sweeps_is_read_back_as_the_same_specs(tmp_path):
    options = {"fault": "burst-row", "maps": 5, "n": 250, "seed": 3, "attack": "fgsm", "steps": 10,
               "bers": (0.0, 1e-3), "eps": (2.0,)}  # fmt: skip
    file = tmp_path / "mine.toml"
    file.write_text(sweep.spec_file([NAME], ["int8", "fp32"], options))
    assert read(file) == [SweepSpec(NAME, encoding=enc, **options) for enc in ("int8", "fp32")]


def test_a_brought_network_has_a_hatched_map_with_its_price_on_the_trade_off(raw):
    name = uploads.checkpoint(raw, "my net.safetensors", "resnet20", "signs")
    app = opened("tradeoff", net=name)
    fine(app)
    assert app.selectbox(key="net").options[0] == name  # one's own comes first
    encoding = app.selectbox(key="enc").value
    labels = [button.label for button in app.button if (button.key or "").startswith("map_")]
    coarse = measure_map.spec(name, encoding, "adaptive", "coarse")
    assert re.fullmatch(rf"Measure this map: {coarse.total} cells, about .+", labels[0])
    assert "No tile of this map is measured yet" in said(app)
    app.button(key="map_coarse").click().run()
    run = next(iter(cached.measurements()._all.values()))
    assert [part.spec for part in run.specs] == [coarse]


def tiles(app) -> list[list[float]]:
    """The accuracies on the map of the Trade-off."""
    (chart,) = (c for c in app.get("plotly_chart") if c.proto.id.endswith("-surface"))
    return [trace["z"] for trace in json.loads(chart.proto.spec)["data"] if trace.get("z")]


def test_a_map_in_the_making_is_drawn_anew_with_every_cell(raw):
    name = uploads.checkpoint(raw, "my net.safetensors", "resnet20", "signs")
    own = {"checkpoint": name, "weights": str(checkpoints.card(name)["sha256"])[:16], "encoding": "int8"}
    joint = {"axis": "joint", "mode": "transfer", "attack": "pgd", "steps": 20, "restarts": 1, **own}
    maps, hatched = [], []
    for correct in (80, 20):
        at = {"ber": 1e-2, "eps": 8.0, "map": len(maps), "key": f"{len(maps):x}" * 16}
        rows_by_key.add([row(**{**joint, **at}, correct=correct)])
        app = opened("tradeoff", net=name, enc="int8", mode="transfer")
        fine(app)
        maps.append(tiles(app))
        hatched.append(hatches(app))
    assert maps[0] != maps[1]  # 80 %, then the mean of 80 and 20
    coarse = measure_map.spec(name, "int8", "transfer", "coarse")
    assert hatched == [len(coarse.bers) * len(coarse.eps) - 1] * 2  # all but the measured one


def hatches(app) -> int:
    """How many tiles of the map are hatched."""
    (chart,) = (c for c in app.get("plotly_chart") if c.proto.id.endswith("-surface"))
    shapes = json.loads(chart.proto.spec)["layout"]["shapes"]
    lines = [shape["path"].count("M") for shape in shapes if shape["line"]["width"] == 1]
    return sum(lines) // 8  # a frame and seven slanted lines a tile


def test_a_brought_network_is_called_as_its_file_and_goes_along_to_other_pages(raw):
    app = brought(opened("bitlab"), raw, "My Net (best).safetensors")
    fine(app)
    name = app.selectbox(key="net").value
    assert re.fullmatch("signs/resnet20/own-my-net-best-[0-9a-f]{8}", name)
    app.query_params.clear()
    for page, key in (("layers", "net"), ("tradeoff", "net"), ("harden", "net")):
        app.switch_page(f"views/{page}.py").run()
        assert app.selectbox(key=key).value == name, page
    app.switch_page("views/sweep.py").run()
    assert app.multiselect(key="nets").value == [name]
    app.query_params["nets"] = "signs/resnet20/base"


def test_a_brought_network_is_renamed_with_its_rows_and_deleted(raw):
    name = uploads.checkpoint(raw, "a.safetensors", "resnet20", "signs")
    before = checkpoints.load(name)
    rows_by_key.add([row(checkpoint=name, encoding="fp32", n=1000, correct=62)])
    new = ownnames.rename(name, "Thesis, final")
    assert new == name.replace("own-", "own-thesis-final-")
    assert checkpoints.load(new).hash == before.hash
    assert name not in checkpoints.names()
    assert list(rows_by_key.rows(checkpoint=new)["correct"]) == [62]
    assert rows_by_key.rows(checkpoint=name).empty
    ownnames.delete(new)
    assert new not in checkpoints.names()


def test_each_step_of_judging_a_file_has_a_share_that_only_grows(raw, tiny):
    steps = list[tuple[float, str]]()
    uploads.checkpoint(
        raw, "a.safetensors", "resnet20", "signs", progress=lambda share, what: steps.append((share, what))
    )
    shares = [share for share, _ in steps]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, uploads.KEEPING)
    assert [what for _, what in steps][:2] == ["reading the file", "building the network"]
    others = [normal for normal in USUAL.values() if normal != tiny.normal]
    assert sum("on 200 test images" in what for _, what in steps) == len(others) + 1
    assert steps[-1][1] == "keeping it"
