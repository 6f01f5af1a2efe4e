"""The page "Your network": what is kept, what is said, and what a file that is none leads to."""

import hashlib
import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image

from dashboard import cached
from dashboard.components import fileinside
from dashboard.format import filewords, sentences
from dashboard.format import numbers as format_numbers
from dashboard.model.own import ownfiles, ownimages, uploads
from resq import data, jobs
from resq.core.errors import ResqError
from resq.deployed.network import find
from tests.answered import Answered
from tests.pages import fine
from tests.server.test_job_queue import FakeJob, until
from tests.views.test_app import opened, said

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from tests.small_file import made

START = jobs.start


@pytest.fixture(autouse=True)
def _fresh(own_folders, monkeypatch) -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setattr(cached.measurements(), "_start", FakeJob)
    monkeypatch.setattr("dashboard.cached.files.jobs.start", Answered)


@pytest.fixture
def real_processes(_fresh, monkeypatch) -> None:
    """Commands run in processes of their own, as they do for visitors."""
    monkeypatch.setattr("dashboard.cached.files.jobs.start", START)


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> bytes:
    return made(tmp_path_factory.mktemp("file")).read_bytes()


def dropped(raw: bytes, name: str = "net.onnx"):
    app = opened("yournetwork")
    app.file_uploader(key="drop").upload(name, raw, "application/octet-stream").run()
    return app


def test_a_file_is_kept_by_its_hash_where_commands_find_it():
    name, note = ownfiles.keep(b"abc", "my net.onnx")
    assert name == f"my_net@{hashlib.sha256(b'abc').hexdigest()[:8]}.onnx"
    assert note == ""
    assert find(name).read_bytes() == b"abc"
    assert ownfiles.keep(b"abc", name)[0] == name
    assert ownfiles.names() == [name]


@pytest.mark.parametrize(
    "file", ["../../x.onnx", "..\\x.onnx", "/etc/x.onnx", ".onnx", "<b>.onnx", "a@b@c.onnx"]
)
def test_no_name_leaves_the_folder_or_draws_anything(file):
    name, _ = ownfiles.keep(b"abc", file)
    assert (ownfiles.folder() / name).is_file()
    assert not set(name) & set("/\\<>")
    assert name in ownfiles.names()


@pytest.mark.parametrize(("raw", "file", "sentence"), [
    (b"x", "x.pkl", "is none of .tflite, .onnx"), (b"", "x.onnx", "is empty"),
])  # fmt: skip
def test_what_is_no_such_file_is_a_sentence(raw, file, sentence):
    with pytest.raises(ResqError, match=sentence):
        ownfiles.keep(raw, file)


def test_the_oldest_makes_way_once_nobody_looks_at_it(monkeypatch):
    monkeypatch.setattr(uploads, "MOST_KEPT", 2)
    first = ownfiles.keep(b"1", "a.onnx")[0]
    ownfiles.keep(b"2", "b.onnx")
    with pytest.raises(ResqError, match="all were shown within the last hour"):
        ownfiles.keep(b"3", "c.onnx")
    monkeypatch.setattr(ownfiles, "RECENT", -1.0)
    assert first in ownfiles.keep(b"3", "c.onnx")[1]
    assert len(ownfiles.names()) == 2


def test_another_file_of_the_same_name_is_not_overwritten():
    name, _ = ownfiles.keep(b"abc", "a.onnx")
    (ownfiles.folder() / name).write_bytes(b"other")
    with pytest.raises(ResqError, match="another file is kept as"):
        ownfiles.keep(b"abc", "a.onnx")
    assert (ownfiles.folder() / name).read_bytes() == b"other"


def test_an_empty_page_asks_for_a_file_and_is_no_apology():
    app = opened("yournetwork")
    fine(app)
    assert "Drop the .tflite, .onnx or .pt2 file" in said(app)


def test_a_dropped_file_is_seen_inside_and_can_be_run(raw, real_processes):
    app = dropped(raw)
    fine(app)
    assert "2 weight tensors, 344 weights" in said(app)
    assert "pixels 0..1 (the file)" in said(app).replace("\\", "")
    assert app.query_params["file"] == ownfiles.names()[0]
    assert [b for b in app.button if b.key == "run"]


def test_a_file_that_does_not_say_what_pixels_become_is_not_run_before_somebody_says_it(tmp_path):
    made(tmp_path)
    app = dropped((tmp_path / "small-float.onnx").read_bytes())
    fine(app, "does not say what pixels become")
    assert "does not say what pixels become" in said(app)
    assert "choose what “Black and white become”" in said(app)
    assert "--range" not in said(app)  # which a page has no place for
    name = ownfiles.names()[0]
    bare = re.sub("`[^`]*`", "", said(app))
    assert f"`{name}`" in said(app)
    assert name not in bare.replace("\\", "")  # else Markdown makes a mail address of name@hash.onnx
    assert not [b for b in app.button if b.key == "run"]


def test_once_it_is_said_it_is_run_and_the_price_is_told_before_the_click(raw):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = opened("yournetwork", file=name, range="0..1", data="signs")
    fine(app)
    app.button(key="run").click().run()
    run = next(iter(cached.measurements()._all.values()))
    until(lambda: run.jobs)
    assert run.jobs[0].argv == ["inspect", name, "--data", "signs", "--targets", "weights", "--range=0,1"]
    check = {"runtime": "onnxruntime 1", "way": "x", "batch": 10, "threads": 2, "images": 100,
             "unread": [], "seconds": 2.0, "seconds_per_map": {"x": 0.05}}  # fmt: skip
    run.jobs[0].rows, run.jobs[0].state = [{"check": check}], "done"
    until(lambda: len(run.jobs) == 2)
    run.jobs[1].state = "done"
    until(lambda: run.state == "done")
    app.run()
    fine(app)
    assert "a fault map on 100 images takes 50 ms here" in said(app)
    assert "in batches of 10 on 2 threads" in said(app)
    assert "31 rows, about 13 s" in said(app)  # 3 + 2 + 31 x 500 x 0.05 / 100, rounded up


def test_of_a_sweep_with_other_rates_nothing_is_said_over_an_empty_place(raw):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = opened("yournetwork", file=name, range="0..1", data="signs")
    app.button(key="sweep").click().run()
    run = next(iter(cached.measurements()._all.values()))
    until(lambda: run.jobs)
    run.jobs[0].state = "done"
    until(lambda: run.state == "done")
    app.run()
    assert "Made here in" in said(app)
    app.text_input(key="bers").set_value("1e-3").run()
    fine(app)
    assert "Made here in" not in said(app)
    assert "Nothing is measured with these settings yet: press “Sweep it”." in said(app)


def test_a_flip_is_answered_by_the_runtime(raw, real_processes):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = opened("yournetwork", file=name, range="0..1", data="signs", flip="7")
    fine(app)
    assert [b.label for b in app.button if b.key == "bit_7" and b.proto.type == "primary"]
    assert "Answered by onnxruntime" in said(app)


# Read by every Python that starts: the process that runs a file ends like one whose runtime crashed.
CRASHES = """
import os, signal, sys
class Crash:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            os.kill(os.getpid(), signal.SIGSEGV)
if "resq.deployed.worker" in sys.orig_argv:
    sys.meta_path.insert(0, Crash())
"""


@pytest.mark.sorry("ended its own process")
def test_a_runtime_that_crashes_is_one_sentence_and_the_page_stays(raw, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(CRASHES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = opened("yournetwork", file=name, range="0..1", data="signs", flip="7")
    told = [m.value for m in app.markdown if m.value.startswith(":material/info:")]
    assert len(told) == 1
    assert "ended its own process (SIGSEGV); nothing else was harmed" in told[0].replace("\\", "")
    assert not app.exception
    assert "2 weight tensors, 344 weights" in said(app)


def test_a_damaged_file_is_not_kept_and_the_page_goes_on_with_what_is_there(raw, real_processes):
    app = dropped(raw)
    (name,) = ownfiles.names()
    app.file_uploader(key="drop").upload("broken.tflite", b"TFL3" * 40, "application/octet-stream").run()
    fine(app, "This file is not used")
    assert "This file is not used" in said(app)
    assert ownfiles.names() == [name]
    assert app.query_params["file"] == name


def test_a_kept_file_can_be_deleted_and_the_address_forgets_it(raw, real_processes):
    app = dropped(raw)
    app.button(key="file_delete").click().run()
    fine(app)
    assert ownfiles.names() == []
    assert "is deleted; its rows stay stored" in said(app)
    assert not app.query_params.get("file")


@pytest.mark.sorry("it is damaged")
def test_a_damaged_file_is_one_sentence_and_the_page_stays(raw, real_processes):
    app = dropped(raw[:200])
    told = [m.value for m in app.markdown if m.value.startswith(":material/error:")]
    assert len(told) == 1
    assert "onnx" in told[0]
    assert not app.exception
    assert not ownfiles.names()
    assert [u for u in app.file_uploader if u.key == "drop"]


@pytest.mark.sorry("which is not on this server")
def test_a_link_to_a_file_that_is_not_here_says_so_on_every_run_and_shows_it_once_dropped(raw):
    name = f"net@{hashlib.sha256(raw).hexdigest()[:8]}.onnx"
    app = opened("yournetwork", file=name)
    for _ in range(2):
        assert "which is not on this server" in said(app)
        app.run()
    app.file_uploader(key="drop").upload("net.onnx", raw, "application/octet-stream").run()
    assert "344 weights" in said(app)


@pytest.mark.sorry("which is not on this server")
def test_a_link_reaches_no_file_outside_the_folder(tmp_path, raw):
    (tmp_path / "secret.onnx").write_bytes(raw)
    app = opened("yournetwork", file=str(tmp_path / "secret.onnx"))
    assert "which is not on this server" in said(app)
    assert "weights" not in said(app)


def test_names_in_figures_are_short_different_and_draw_nothing():
    names = [f"{'a' * 60}{i}{'b' * 60}" for i in range(3)] + ["<a href='x'>y</a>"]
    found = filewords.labels(names)
    assert len(set(found.values())) == 4
    assert all(len(label) <= filewords.LONGEST + 4 and "<" not in label for label in found.values())


def test_words_that_a_file_only_rounds_its_floats_to_are_not_called_its_own():
    counts = {"words": 100, "differ": {"int8": 100, "int8-symmetric": 0}}
    own = "Of the 100 words: int8 changes 100.0\u202f% of them; int8-symmetric has the very words"
    assert filewords.differs({"codes": counts}) == f"{own} of the file."
    rounded = {"codes": {**counts, "rounded": 20}}
    assert filewords.differs(rounded) == f"{own} to which the file rounds its floats."


@pytest.mark.parametrize(("page", "seen"), [
    ("layers", "Which tensors and bits matter?"), ("bitlab", "Flip a bit of it"),
])  # fmt: skip
def test_layers_and_bit_lab_take_a_file_too(raw, page, seen):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = opened(page, net=name, data="signs", range="0..1")
    fine(app)
    assert seen in said(app)
    assert app.selectbox(key="net").value == name
    assert app.selectbox(key="data").value == "signs"


def test_the_bit_lab_shows_the_word_that_a_link_names(raw):
    name = ownfiles.keep(raw, "net.onnx")[0]
    layer = next(one["name"] for one in cached.inspected(name, "")["layers"] if one["kind"] == "weights")
    app = opened("bitlab", net=name, data="signs", range="0..1", layer=layer, w="5", flip="7")
    fine(app)
    assert app.number_input(key="w").value == 5
    assert [b.key for b in app.button if b.key.startswith("bit_")] == [f"bit_{i}" for i in range(7, -1, -1)]
    assert "Answered by onnxruntime" in said(app)


def test_a_link_from_your_network_leads_to_the_same_file(raw):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = opened("yournetwork", file=name, range="0..1", data="signs")
    fine(app)
    links = [e.proto for e in app.get("page_link")]
    found = {link.page_script_hash or link.page: link.query_string for link in links}
    assert any("net=" in text and "data=signs" in text and "range=0..1" in text for text in found.values())


def test_an_answer_that_another_ties_with_is_not_said_to_have_fallen():
    said = sentences.verdict(("a", "b"), np.array([0.2, 0.8]), np.array([0.9, 0.9]), 1, True)
    assert said.detail.startswith("90.0 % sure; b rose 80.0 % → 90.0 %".replace(" %", "\u202f%"))


def images_file(n: int = 40, high: int = 16) -> bytes:
    rng, held = np.random.default_rng(0), io.BytesIO()
    y = np.arange(n) % high
    np.savez(held, x=rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), y=y)
    return held.getvalue()


def brought(app, raw: bytes, name: str):
    app.file_uploader(key="drop_images").upload(name, raw, "application/octet-stream").run()
    return app


def test_images_of_ones_own_are_chosen_and_the_file_is_run_on_them(raw, real_processes):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = brought(opened("yournetwork", file=name, range="0..1", data="signs"), images_file(), "my set.npz")
    fine(app)
    (own,) = ownimages.names()
    assert own.startswith("my_set@")
    assert app.selectbox(key="data").value == own
    app.button(key="run").click().run()
    run = next(iter(cached.measurements()._all.values()))
    until(lambda: run.jobs)
    assert run.jobs[0].argv[:4] == ["inspect", name, "--data", own]
    assert len(data.load(own, "test").y) == 40
    assert (
        cached.answer_of([*run.jobs[0].argv])["check"]["images"] >= 40
    )  # again and again, to time a usual map


@pytest.mark.parametrize("page", ["layers", "bitlab"])
def test_a_link_brings_images_of_ones_own_and_what_is_said_of_the_input_to_other_pages(raw, page):
    name = ownfiles.keep(raw, "net.onnx")[0]
    own = ownimages.keep(images_file(), "my set.npz", cached.answer_of, "", "")
    app = opened(page, net=name, data=own, range="0..1", layout="nchw")
    fine(app)
    assert app.selectbox(key="data").value == own
    assert app.selectbox(key="layout").value == "nchw"
    assert not app.text  # no word of a link that asks for what is not there


def test_a_bias_and_its_neighbour_are_told_apart_in_all_digits():
    assert format_numbers.before_and_after(0.71983, 0.71978) == ("0.71983", "0.71978")
    assert format_numbers.whole(14658) == "14,658"


def test_the_order_of_the_outputs_is_said_and_makes_other_labels_of_the_same_images(raw):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = brought(opened("yournetwork", file=name, range="0..1", data="signs"), images_file(), "mine.npz")
    (plain,) = ownimages.names()
    order = [str(i) for i in reversed(range(16))]
    app.text_input(key="image_classes").set_value(",".join(order)).run()
    fine(app)
    turned = app.selectbox(key="data").value
    assert turned != plain
    assert set(ownimages.names()) == {plain, turned}
    one, other = (data.load(own, "test") for own in (plain, turned))
    assert (other.y == 15 - one.y).all()
    assert other.classes == tuple(order)
    app.text_input(key="image_classes").set_value("0,1,1").run()
    assert [m.value for m in app.markdown if "These images are not used" in m.value]
    assert app.selectbox(key="data").value == turned


def test_pictures_of_many_sizes_are_brought_to_one(raw):
    name, held = ownfiles.keep(raw, "net.onnx")[0], io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        for i, side in enumerate((20, 30)):
            picture = io.BytesIO()
            Image.new("RGB", (side, side)).save(picture, "PNG")
            packed.writestr(f"{i}/a.png", picture.getvalue())
    app = brought(opened("yournetwork", file=name, range="0..1", data="signs"), held.getvalue(), "two.zip")
    assert [m.value for m in app.markdown if "These images are not used" in m.value]
    app.text_input(key="image_size").set_value("24x24").run()
    fine(app)
    assert data.load(app.selectbox(key="data").value, "test").pixels.shape == (2, 3, 24, 24)


def test_a_few_grey_images_can_be_chosen_for_a_flip(raw):
    name, held = ownfiles.keep(raw, "net.onnx")[0], io.BytesIO()
    np.savez(held, x=np.arange(5 * 9 * 7, dtype=np.uint8).reshape(5, 9, 7), y=np.arange(5))
    app = brought(opened("yournetwork", file=name, range="0..1", flip="7"), held.getvalue(), "grey.npz")
    fine(app)
    assert app.selectbox(key="data").value == ownimages.names().popitem()[0]
    assert "Answered by onnxruntime" in said(app)


@pytest.mark.sorry("Choose other images")
def test_labels_that_do_not_show_all_classes_are_no_misfit_and_more_are(raw):
    name = ownfiles.keep(raw, "net.onnx")[0]
    app = opened("yournetwork", file=name, range="0..1", data="signs")
    brought(app, images_file(high=3), "few.npz")
    assert "tells 16 classes apart" not in said(app)
    brought(app, images_file(high=20), "many.npz")
    assert "The file tells 16 classes apart; many" in said(app).replace("\\", "")


@pytest.mark.parametrize(("file", "name", "sentence"), [
    (b"no", "x.npz", "x.npz cannot be read as an .npz file"),
    (b"no", "x.zip", "x.zip cannot be read as a .zip file"),
    (b"no", "x.parquet", "x.parquet cannot be read as a .parquet file"),
])  # fmt: skip
def test_images_that_cannot_be_used_are_one_sentence_and_nothing_is_kept(raw, file, name, sentence):
    net = ownfiles.keep(raw, "net.onnx")[0]
    app = brought(opened("yournetwork", file=net, range="0..1", data="signs"), file, name)
    told = [m.value for m in app.markdown if "These images are not used" in m.value]
    assert len(told) == 1
    assert sentence in told[0].replace("\\", "")
    assert "/" not in told[0].removeprefix(":material/error:")
    assert not ownimages.names()
    assert not list(ownimages.folder().iterdir())
    assert app.selectbox(key="data").value == "signs"


def test_images_are_refused_before_they_are_read_where_they_are_none_or_too_many(monkeypatch):
    def never(argv):
        raise AssertionError("it was read")

    for file, name, sentence in ((b"x", "x.tar", "is none of .npz"), (b"", "x.npz", "is empty")):
        with pytest.raises(ResqError, match=sentence):
            ownimages.keep(file, name, never)
    with pytest.raises(ResqError, match="have 600 MB of pixels; up to 512 MB"):
        ownimages.keep(b"x", "x.npz", lambda _: {"name": "x@1", "images": 9, "bytes": 600 << 20})
    assert not list(ownimages.folder().iterdir())


def test_the_table_of_tensors_shows_names_and_scales_whole_up_to_a_width():
    assert fileinside.wide(pd.Series(["a", "b" * 40])) == 24 + 8 * 40
    assert fileinside.wide(pd.Series(["c" * 400])) == fileinside.WIDEST
