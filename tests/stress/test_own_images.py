"""Images that a person brings for a deployed file: .npz and folders, any size, grey, any order of classes."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from resq import data
from resq.cli import main
from resq.data import own
from stress import tiny
from tests import onnx_files

CHANCE = np.random.default_rng(3)
GREY = CHANCE.integers(0, 256, (30, 12, 10), dtype=np.uint8)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny.onnx_file(tmp_path_factory.mktemp("net") / "tiny.onnx", classes=5)


@pytest.fixture(scope="module")
def answers(file):
    """What the runtime's own script answers to the grey images."""
    session = onnx_files.session(file)
    return session.run(None, {"images": (GREY / np.float32(255))[:, None]})[0].argmax(axis=1)


@pytest.fixture(autouse=True)
def _own(own_folders, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def npz(folder, **arrays):
    path = folder / "mine.npz"
    np.savez(path, **arrays)
    return path


def evaluated(file, path, capsys, *more, n=30):
    code = main(
        ["evaluate", str(file), "--data", str(path), "--n", str(n), "--range", "0..1", "--json", *more]
    )
    said = capsys.readouterr()
    return json.loads(said.out) if code == 0 else said.err


@pytest.mark.parametrize("shape", ["grey", "nchw", "nhwc"])
def test_an_npz_is_answered_as_the_runtimes_own_script_does(file, answers, capsys, tmp_path, shape):
    x = {"grey": GREY, "nchw": GREY[:, None], "nhwc": GREY[..., None]}[shape]
    y = answers.copy()
    y[:6] = (y[:6] + 1) % 5  # six that the network gets wrong
    found = evaluated(file, npz(tmp_path, x=x, y=y), capsys)
    assert found["accuracy"] == 24 / 30
    assert found["data"].startswith("mine@")
    assert "/" not in found["data"]


def test_classes_in_another_order_are_put_right_by_names(file, answers, capsys, tmp_path):
    names = np.array(["ant", "bee", "cow", "dog", "elk"])
    order = [3, 0, 4, 1, 2]  # output i is class order[i] of the data
    path = npz(tmp_path, x=GREY, y=np.array(order)[answers], classes=names)
    assert evaluated(file, path, capsys)["accuracy"] < 0.9
    assert evaluated(file, path, capsys, "--classes", "dog,ant,elk,bee,cow")["accuracy"] == 1
    assert evaluated(file, path, capsys, "--classes", "3,0,4,1,2")["accuracy"] == 1
    assert "expected each of the 5 classes once" in evaluated(file, path, capsys, "--classes", "dog,ant,elk")


def test_the_order_of_a_named_data_set_can_be_told_too(capsys, tmp_path):
    signs = data.load("signs", "test")
    name = own.reorder("signs", signs, [str(i) for i in reversed(range(16))])
    other = data.load(name, "test")
    assert (other.y == 15 - signs.y).all()
    assert other.classes == signs.classes[::-1]
    assert other.hash != signs.hash


def test_a_folder_of_pictures_is_brought_to_one_size_when_asked(file, capsys, tmp_path):
    rng = np.random.default_rng(0)
    for label in ("b", "a", "c", "d", "e"):
        for i, size in enumerate(((12, 10), (15, 20))):
            place = tmp_path / "pics" / label / f"{i}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(place)
    assert "say --size" in evaluated(file, tmp_path / "pics", capsys, n=10)
    found = evaluated(file, tmp_path / "pics", capsys, "--size", "12x10", n=10)
    assert found["n"] == 10
    whole = data.load(found["data"], "test")
    assert whole.classes == ("a", "b", "c", "d", "e")
    assert whole.pixels.shape == (10, 3, 12, 10)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": GREY}, "has the arrays x; expected y or labels"),
        ({"x": GREY.astype(np.float32), "y": np.zeros(30, int)}, "images of float32; expected uint8"),
        ({"x": np.zeros((2, 3, 8, 3), np.uint8), "y": np.zeros(2, int)}, "could be either"),
        ({"x": GREY, "y": np.zeros(29, int)}, r"shape (29,); expected whole numbers (30,)"),
        ({"x": GREY, "y": np.full(30, -1)}, "labels -1 to -1; expected 0"),
        ({"x": GREY, "y": np.full(30, 7)}, "tells 5 classes apart"),
        ({"x": np.array([object()]), "y": np.zeros(1, int)}, "cannot be read as an .npz file"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(file, capsys, tmp_path, arrays, said):
    found = evaluated(file, npz(tmp_path, **arrays), capsys)
    assert said in found
    assert found.count("\n") == 1


def test_an_array_that_says_more_than_it_holds_takes_no_memory(file, capsys, tmp_path):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 1, 8, 8)}
    )
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("x.npy", head.getvalue())
    assert "but holds" in evaluated(file, tmp_path / "mine.npz", capsys)


def test_images_that_changed_are_not_taken_for_those_of_the_name(tmp_path):
    name = own.bring(str(npz(tmp_path, x=GREY, y=np.zeros(30, int))))
    assert len(data.load(name, "test")) == 30
    npz(tmp_path, x=GREY[:20], y=np.zeros(20, int))
    with pytest.raises(ValueError, match="gone or changed"):
        data.load(name, "test")


def test_images_of_ones_own_are_not_for_checkpoints(capsys, tmp_path):
    path = npz(tmp_path, x=GREY, y=np.zeros(30, int))
    assert main(["evaluate", "signs/resnet20/base", "--data", str(path), "--n", "5"]) == 2
    assert "are for a deployed file" in capsys.readouterr().err
