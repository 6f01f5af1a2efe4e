"""What tests share: a small network to break, real images where there are some, folders to write in."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from resq import checkpoints, data, networks
from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding, QuantizedModel
from resq.measure.store import table
from resq.memory import quant
from tests import rendered_signs


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_written_to_the_users_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # The cache of decoded images stays the user's: making it anew would cost every run half a minute.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESQ_WORK", str(tmp_path_factory.mktemp("work")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    # Networks and batches are tiny here: a second thread brings little, and beside a second worker costs
    # tenfold. The variable is for the servers, jobs and runtimes that tests start.
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _little_time_is_spent_on_finding_the_quickest_way_to_run_a_file() -> Iterator[None]:
    # Each candidate is timed once and on the images given: what is true to the file is asked all the same.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resq.deployed.canary.SHORT", 0.0)
        patch.setattr("resq.deployed.canary.ENOUGH", 0.0)
        yield


MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def _a_process_that_a_test_starts_does_not_run_the_last_page() -> None:
    # AppTest leaves its app in the program's place, and multiprocessing runs the program in each new process.
    sys.modules["__main__"] = MAIN


@pytest.fixture(autouse=True)
def _nothing_is_remembered_of_the_last_tests_files() -> None:
    if module := sys.modules.get("dashboard.cached.ttl_cache"):
        module.forget()


@pytest.fixture(autouse=True)
def _pages_show_no_more_apologies_than_a_test_expects(request: pytest.FixtureRequest) -> Iterator[None]:
    if "streamlit.testing.v1" not in sys.modules:
        yield
        return
    from tests import pages

    expected = [part for mark in request.node.iter_markers("sorry") for part in mark.args]
    with pages.watched(tuple(expected), request.node.get_closest_marker("faulty") is not None):
        yield


@pytest.fixture
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for this test alone, with its own work/, cache/ and data/, and no photographs in sight."""
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("RESQ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RESQ_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("resq.data.folders.ROOT", tmp_path / "project")
    rendered_signs.lend(tmp_path / "cache")
    return tmp_path


@pytest.fixture(scope="session")
def tiny() -> Checkpoint:
    """ResNet-20 for the sixteen signs with seeded random weights; its arrays refuse to be written."""
    source = data.source("signs")
    body = networks.build("resnet20", len(source.classes), mean=source.mean, std=source.std, seed=1).body
    state = {name: value.numpy().copy() for name, value in body.state_dict().items()}
    rng = np.random.default_rng(1)
    for name, value in state.items():
        if name.endswith("running_mean"):
            value += rng.normal(0, 0.1, value.shape).astype(np.float32)
        value.setflags(write=False)
    return Checkpoint(
        "signs/resnet20/random", "resnet20", "signs", state, networks.weight_names(body), {}, "0"
    )


@pytest.fixture
def small() -> Callable[[Encoding], QuantizedModel]:
    """Three layers of unequal size in a given encoding: 1,000, 40 and 360 seeded random weights."""

    def make(encoding: Encoding) -> QuantizedModel:
        rng = np.random.default_rng(0)
        shapes = {"conv.weight": (10, 4, 5, 5), "deep.conv.weight": (8, 5, 1, 1), "linear.weight": (6, 60)}
        state = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
        return quant.quantize_model({**state, "linear.bias": np.zeros(6)}, tuple(shapes), encoding)

    return make


@pytest.fixture
def real() -> Callable[..., Dataset]:
    """``real("cifar10", "test")``: real images, or a skip that says what is missing."""

    def load(name: str, split: str = "test") -> Dataset:
        if not data.present(name):
            pytest.skip(f"no {name} images on this machine (set RESQ_DATA)")
        return data.load(name, split)

    return load


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pd.DataFrame:
    """Stored rows of the shipped network, so few that they can be counted."""
    weights = checkpoints.card("signs/resnet20/base")["sha256"][:16]
    cell = {
        "checkpoint": "signs/resnet20/base",
        "network": "resnet20", "data": "signs", "encoding": "int8", "fault": "random",
        "region": "all", "axis": "ber", "ber": 0.0, "map": 0, "flips": 0, "attack": "none", "eps": 0.0,
        "steps": 0, "restarts": 0, "seed": 0, "n": 100, "correct": 98, "due": 0, "weights": weights,
        "images": "b" * 16, "code": "c" * 16,
    }  # fmt: skip
    attack = {**cell, "axis": "eps", "attack": "pgd", "steps": 20, "restarts": 1}
    cells = [cell, *({**cell, "ber": 1e-2, "map": m, "correct": 90 - m} for m in range(3))]
    stored = table.frame([*cells, attack, {**attack, "eps": 8.0, "correct": 5}])
    table.write(stored, tmp_path / "rows.parquet")
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    return stored
