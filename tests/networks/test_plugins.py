"""A person's own file: what it registers is used everywhere; what is wrong in it is said with its line."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resq import data, networks, plugins
from resq.cli import main
from resq.data.pictures import image_folder

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = ROOT / "docs" / "plugins" / "public_resnet20.py"


@pytest.fixture(autouse=True)
def _registries_as_before(monkeypatch):
    """What a test's plugin adds is gone after it."""
    before = dict(data.DATASETS), dict(networks.NETWORKS)
    monkeypatch.setenv(plugins.ENV, "")
    monkeypatch.setattr(plugins, "_loaded", set())
    yield
    for table, old in zip((data.DATASETS, networks.NETWORKS), before, strict=True):
        table.clear()
        table.update(old)


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Three classes of two pictures to train on and four to test with, 40x48 pixels."""
    rng = np.random.default_rng(0)
    for split, n in (("train", 2), ("test", 4)):
        for label in ("cat", "ant", "bee"):
            folder = tmp_path / "pictures" / split / label
            folder.mkdir(parents=True)
            for i in range(n):
                file = folder / f"{i}.{'png' if i % 2 else 'JPG'}"
                Image.fromarray(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(file)
    return tmp_path / "pictures"


def plugin(folder: Path, text: str) -> str:
    file = folder / "mine.py"
    file.write_text(text)
    return str(file)


def test_an_image_folder_has_classes_by_name_and_pictures_of_32_pixels(pictures, own_folders):
    source = image_folder(pictures)
    assert source.classes == ("ant", "bee", "cat")
    images = source.load("test", False)
    assert images.pixels.shape == (12, 3, 32, 32)
    assert np.bincount(images.y).tolist() == [4, 4, 4]
    assert len(set(images.y[:4])) > 1  # not class by class: the first n are of all
    assert source.load("test", False).hash == images.hash


def test_an_image_folder_that_cannot_be_used_is_refused_by_name(pictures, own_folders):
    with pytest.raises(
        ValueError, match=r"no folder .*nowhere/train; expected one folder of pictures per class"
    ):
        image_folder(pictures / "nowhere")
    (pictures / "test" / "cat" / "0.JPG").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"test/cat/0\.JPG cannot be read as a picture"):
        image_folder(pictures).load("test", False)
    Image.new("1", (6000, 6000)).save(pictures / "test" / "ant" / "1.png")
    with pytest.raises(
        ValueError, match=r"test/ant/1\.png .* 6000x6000 pixels; at most 25000000 are decoded"
    ):
        image_folder(pictures).load("test", False)
    for file in (pictures / "train" / "bee").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match=r"train/bee holds no pictures; expected \.png or \.jpg files"):
        image_folder(pictures).load("train", False)
    (pictures / "test" / "dog").mkdir()
    with pytest.raises(ValueError, match="has the classes ant, bee, cat, dog; train has ant, bee, cat"):
        image_folder(pictures)


def test_a_plugins_network_and_pictures_are_imported_and_evaluated(pictures, own_folders, capsys):
    given = plugin(
        own_folders,
        "from resq.data import DATASETS\nfrom resq.networks import NETWORKS\n"
        "from resq.data.pictures import image_folder\n"
        f"DATASETS['own'] = image_folder({str(pictures)!r}, 'own')\n"
        "NETWORKS['twin'] = NETWORKS['resnet20']\n",
    )
    state = networks.build("resnet20", 3, mean=(0, 0, 0), std=(1, 1, 1)).body.state_dict()
    file = own_folders / "public.th"
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, file)
    bring = ["import", str(file), "--network", "twin", "--data", "own", "--json"]
    assert main(["--plugin", given, *bring]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["test"]["n"] == 12
    assert main(["evaluate", "own/twin/public", "--json", "--encoding", "fp32", "--plugin", given]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == card["test"]["accuracy"]
    assert os.environ[plugins.ENV] == given  # what jobs start reads it there
    assert main(["show", "--json"]) == 0
    assert "own" in {row["name"] for row in json.loads(capsys.readouterr().out)["data_sets"]}


def test_the_example_is_short_and_gives_a_public_resnet20_its_own_normalisation(own_folders, capsys):
    assert len(PUBLIC.read_text().splitlines()) <= 40
    state = networks.build("resnet20", 10, mean=(0, 0, 0), std=(1, 1, 1)).body.state_dict()
    public = {f"module.{k}": v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    torch.save(
        {"state_dict": public, "best_prec1": torch.tensor(91.7)},
        own_folders / "resnet20.th",
        _use_new_zipfile_serialization=False,
    )
    given = ["import", str(own_folders / "resnet20.th"), "--network", "resnet20", "--data", "public10"]
    assert main(["--plugin", str(PUBLIC), *given]) == 0
    told = capsys.readouterr().out
    assert "matched by name; " in told
    assert "; not measured: no public10 images" in told
    assert data.source("public10").mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\nraise KeyError('a\\nb')\n", "plugin mine.py, line 2: KeyError:"),
        ("def f(:\n", "plugin mine.py, line 1: SyntaxError: invalid syntax"),
        (
            "import nowhere_to_be_found\n",
            "line 1: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
        (
            "from resq.data import DATASETS\nDATASETS['x'] = 3\n",
            "DATASETS['x'] is a int; expected a DataSource",
        ),
        (
            "from resq.networks import NETWORKS\nNETWORKS['x'] = 3\n",
            "NETWORKS['x'] is a int; expected a function",
        ),
    ],
)
def test_an_error_in_a_plugin_is_one_sentence_with_its_line(tmp_path, capsys, text, said):
    assert main(["show", "--plugin", plugin(tmp_path, text)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_plugin_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["--plugin", str(tmp_path / "none.py"), "show"]) == 2
    assert f"no plugin at {tmp_path}/none.py; expected a Python file" in capsys.readouterr().err


def test_plugins_of_the_environment_are_loaded_once(tmp_path, monkeypatch):
    given = plugin(tmp_path, "import os\nos.environ['COUNT'] = os.environ.get('COUNT', '') + 'x'\n")
    monkeypatch.setenv("COUNT", "")
    monkeypatch.setenv(plugins.ENV, given)
    plugins.load()
    plugins.load([given])
    assert os.environ["COUNT"] == "x"


def test_a_plugin_takes_no_name_of_the_projects_own(tmp_path, capsys):
    text = "from resq.networks import NETWORKS\nNETWORKS['resnet20'] = NETWORKS['vgg16']\n"
    own = networks.NETWORKS["resnet20"]
    for _ in range(2):  # a server would run it once more
        assert main(["show", "--plugin", plugin(tmp_path, text)]) == 2
        assert "plugin mine.py puts its own in the place of network 'resnet20'" in capsys.readouterr().err
        assert networks.NETWORKS["resnet20"] is own


def test_a_plugin_that_was_edited_since_it_was_read_is_refused_in_that_process(tmp_path, capsys):
    text = "from resq.networks import NETWORKS\nNETWORKS['mine'] = NETWORKS['resnet20']\n"
    assert main(["show", "--plugin", (given := plugin(tmp_path, text))]) == 0
    plugin(tmp_path, text.replace("resnet20", "resnet18"))
    assert main(["show", "--plugin", given]) == 2
    assert "plugin mine.py was edited after this process had read it" in capsys.readouterr().err
    plugin(tmp_path, text)
    assert main(["show", "--plugin", given]) == 0


def test_what_is_run_of_a_plugin_is_what_its_file_holds_also_within_a_second(tmp_path, monkeypatch):
    monkeypatch.setenv("VALUE", "")
    for value in ("1", "2"):
        given = plugin(tmp_path, f"import os\nos.environ['VALUE'] = '{value}'\n")
        os.utime(given, (10**9, 10**9))  # the same size and time: Python would take its compiled code
        monkeypatch.setattr(plugins, "_loaded", set())
        plugins.load([given])
        assert os.environ["VALUE"] == value
