"""Shipped files are those that were measured: one altered byte is noticed and named."""

import json
import shutil

import pandas as pd
import pytest

from resq import checkpoints
from resq.claims import manifest
from resq.cli import main


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A small copy of assets with a manifest of its own."""
    for name in ("weights/signs/resnet20/base.safetensors", "results/signs-resnet20-attack.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(manifest.ASSETS / name, tmp_path / name)
    manifest.write(tmp_path)
    monkeypatch.setattr(manifest, "ASSETS", tmp_path)
    return tmp_path


def test_every_shipped_file_is_the_one_of_the_manifest():
    """Fails after a shipped file was added or changed: ``python -m resq verify --write`` then."""
    assert manifest.differences(manifest.read(), manifest.hashes()) == []


RESULTS = manifest.ASSETS / "results"
SEEN = sorted(file for end in ("-layers.parquet", "-flow.json") for file in RESULTS.glob(f"*{end}"))


@pytest.mark.parametrize("file", SEEN, ids=lambda file: file.name)
def test_heatmaps_and_flows_are_of_the_weights_that_are_shipped(file):
    """Weights that were trained anew make them void, as they do rows (``tests/analysis/test_stats.py``)."""
    told = json.loads(file.read_text())["rows"] if file.suffix == ".json" else pd.read_parquet(file)
    table = pd.DataFrame(told)
    for name, part in table.groupby("checkpoint"):
        assert set(part["weights"]) == {checkpoints.card(str(name))["sha256"][:16]}


def test_the_guards_looked_at_the_weights_that_are_shipped():
    found = json.loads((manifest.ASSETS / "results" / "cifar10-resnet18-plus-guards.json").read_text())
    assert found["weights"] == checkpoints.card(found["checkpoint"])["sha256"][:16]


@pytest.mark.parametrize(
    "name", ["weights/signs/resnet20/base.safetensors", "results/signs-resnet20-attack.parquet"]
)
def test_one_altered_byte_is_named(assets, capsys, name):
    assert main(["verify"]) == 0
    assert "2 files, each the one of" in capsys.readouterr().out
    raw = bytearray((assets / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (assets / name).write_bytes(bytes(raw))
    assert main(["verify"]) == 2
    error = capsys.readouterr().err
    assert f"{name} was altered: SHA-256" in error
    assert error.count("\n") == 1


def test_a_missing_and_a_new_file_are_named(assets, capsys):
    (assets / "results/signs-resnet20-attack.parquet").unlink()
    (assets / "results/other.parquet").write_bytes(b"new")
    assert main(["verify", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["differs"] == [
        "results/other.parquet is new",
        "results/signs-resnet20-attack.parquet is missing",
    ]
    assert main(["verify", "--write", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": 2, "matches": True, "differs": []}


def test_a_manifest_that_cannot_be_read_is_a_sentence(assets, capsys):
    (assets / manifest.NAME).write_text("{")
    assert main(["verify"]) == 2
    assert "python -m resq verify --write makes it" in capsys.readouterr().err
