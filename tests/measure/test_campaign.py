"""Campaigns: the same cells and keys whatever the order, the same rows whoever measures them, none twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from resq.cli import main
from resq.measure.run import cell_images, sweep
from resq.measure.run.campaign import executors
from resq.measure.specs import campaign, cells
from resq.measure.specs.campaign import CampaignSpec
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import rows_by_key, table

ROOT = Path(__file__).resolve().parents[2]
BASE = "signs/resnet20/base"
SPEC = CampaignSpec((BASE,), encodings=("int8", "int4-tmr2"), bers=(0.0, 1e-2, 5e-2), maps=3, n=10)
WHOLE = CampaignSpec(
    (BASE,), bers=(0.0, 2e-2), eps=(0.0, 4.0), steps=2, maps=2, n=10, modes=("none", "transfer", "adaptive")
)


@pytest.fixture
def own_store(monkeypatch, tmp_path):
    """A store for this test alone."""
    monkeypatch.delenv("RESQ_STORE", raising=False)
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))
    return tmp_path


@pytest.fixture(scope="module")
def rows():
    """What an uninterrupted run in one process measures."""
    return list(executors.run(WHOLE.cells()))


def sorted_by_key(found):
    return sorted(found, key=lambda row: row["key"])


def written(folder: Path, spec: CampaignSpec) -> Path:
    file = folder / "c.toml"
    file.write_text(spec.toml())
    return file


def test_a_campaign_comes_back_from_its_toml_and_any_field_changes_its_hash():
    assert campaign.parse(WHOLE.toml()) == WHOLE
    assert "restarts" not in WHOLE.toml()  # a default
    assert replace(WHOLE, n=11).hash != WHOLE.hash


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("checkpoints = ", "c is not readable TOML"),
        ("n = 5", "c names no checkpoints; a campaign has checkpoints"),
        ('checkpoints = ["a/b/c"]\nber = 1', "c has ber; a campaign has"),
        ('checkpoints = ["a/b/c"]', "needs bers or eps, got neither"),
        ('checkpoints = ["a/b/c"]\nbers = [2]', r"rates must lie in \[0, 1\], got 2"),
        ('checkpoints = ["a/b/c"]\nbers = ["x"]', "bers cannot hold 'x'"),
        ('checkpoints = ["a/b/c"]\nbers = [0]\nn = "x"', "n is a int, got 'x'"),
        ('checkpoints = ["a/b/c"]\nbers = [0]\nencodings = ["int9"]', "2 to 8 bits, got 9"),
        ('checkpoints = ["a/b/c"]\nbers = [0]\nmodes = ["both"]', "no mode 'both'; known: none, transfer"),
        (
            'checkpoints = ["a/b/c"]\nbers = [0]\nplanes = [6]\nencodings = ["int8", "int4-secded"]',
            r"bit planes must lie in 0\.\.3, got 6 for int4-secded",
        ),
    ],
)
def test_a_file_that_is_no_campaign_is_refused_with_what_is_wrong(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        campaign.parse(text, "c")


def test_a_pattern_stands_for_the_checkpoints_that_it_fits():
    found = campaign.parse('checkpoints = ["signs/resnet20/a*-s10", "signs/resnet20/base"]\nbers = 0')
    assert set(found.checkpoints) >= {"signs/resnet20/asym-00-s10", "signs/resnet20/asym-a-s10", BASE}
    assert all(name.endswith("-s10") for name in found.checkpoints[:-1])
    with pytest.raises(ValueError, match=r"no checkpoint fits 'mars/\*'; known: "):
        campaign.parse('checkpoints = "mars/*"\nbers = 0')


def test_a_campaign_of_one_of_each_is_its_sweep():
    one = CampaignSpec((BASE,), bers=(0.0, 1e-2), eps=(8.0,), maps=2, n=10)
    assert one.cells() == list(SweepSpec(BASE, bers=(0, 1e-2), eps=(8,), maps=2, n=10).cells())


def test_what_two_parts_of_a_campaign_share_is_one_cell():
    many = replace(SPEC, eps=(8.0,), faults=("random", "count"))
    attacked = [cell for cell in many.cells() if cell.axis == "eps"]
    assert len(attacked) == len(many.encodings)  # an attack knows no fault model
    assert len(set(cells.keys(many.cells()))) == len(many.cells())


def test_a_key_changes_with_every_field_with_the_weights_the_images_and_the_numbers(monkeypatch):
    cell = cells.Cell(BASE, "signs", "int8", n=10)
    fields = [replace(cell, **{name: value}) for name, value in
              {"encoding": "int4", "fault": "random", "ber": 0.1, "top": 0.1, "map": 1, "attack": "pgd",
               "eps": 1.0, "steps": 2, "restarts": 2, "mode": "transfer", "sample": "random", "seed": 1,
               "n": 11, "layers": ("a",), "planes": (1,), "targets": "all"}.items()]  # fmt: skip
    found = {cells.key(c, "w", "i") for c in [cell, *fields]}
    found |= {cells.key(cell, "v", "i"), cells.key(cell, "w", "j")}
    monkeypatch.setattr(cells, "KEYED", "other")
    assert len(found | {cells.key(cell, "w", "i")}) == len(fields) + 4


def test_rows_carry_the_keys_that_were_computed_without_measuring(rows):
    assert [row["key"] for row in rows] == cells.keys(WHOLE.cells())
    assert {row["axis"] for row in rows} == {"ber", "eps", "joint"}
    assert {row["mode"] for row in rows} == {"none", "transfer", "adaptive"}


def test_the_order_of_cells_changes_no_row(rows):
    turned = WHOLE.cells()
    random.Random(0).shuffle(turned)
    assert sorted_by_key(executors.run(turned)) == sorted_by_key(rows)


def test_two_workers_measure_the_rows_of_one(rows):
    assert sorted_by_key(executors.run(WHOLE.cells(), workers=2)) == sorted_by_key(rows)


def test_maps_of_campaigns_that_name_the_same_top_are_the_same():
    few = CampaignSpec((BASE,), bers=(1e-2,), top=5e-2, maps=1, n=10)
    assert set(few.cells()) < set(SPEC.cells())


def test_random_images_differ_from_map_to_map_and_the_clean_network_sees_each_of_them():
    spec = CampaignSpec((BASE,), bers=(0.0,), maps=3, n=10, sample="random")
    found = list(executors.run(spec.cells()))
    assert [row["map"] for row in found] == [0, 1, 2]
    assert len({row["images"] for row in found}) == 1  # of the whole split that they are drawn from
    one, two = (cell_images.pictures("signs", "random", 10, 0, number)[0] for number in (0, 1))
    assert not one.equal(two)


def test_what_is_stored_is_not_measured_again(own_store, capsys, monkeypatch):
    file = written(own_store, SPEC)
    main(["campaign", str(file), "--json"])
    first = json.loads(capsys.readouterr().out)
    assert (first["cells"], first["measured"]) == (14, 14)
    monkeypatch.setattr(executors, "measure", None)  # would fail
    main(["campaign", str(file), "--json", "--out", str(own_store / "rows.parquet")])
    again = json.loads(capsys.readouterr().out)
    assert again["measured"] == 0
    assert again["rows"] == first["rows"]
    pd.testing.assert_frame_equal(table.read(own_store / "rows.parquet"), table.frame(first["rows"]))
    assert [run["hash"] for run in rows_by_key.runs()] == [SPEC.hash]


def test_a_worker_with_other_weights_is_found_out(own_store, capsys, monkeypatch):
    monkeypatch.setattr(executors, "measure", lambda cell: {**sweep.Measurer().row(cell), "key": "other"})
    assert main(["campaign", str(written(own_store, SPEC))]) == 2
    assert "others than here" in capsys.readouterr().err


# A process that has imported everything and forks a command for each line: a start costs milliseconds.
NURSERY = """
import os, sys
import resq.measure.run.sweep
from resq.cli import main
for line in sys.stdin:
    if not (child := os.fork()):
        os.dup2(2, 1)
        os._exit(main(line.split()))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def killed_and_run_again(folder: Path, spec: CampaignSpec, kills: int) -> pd.DataFrame:
    """The stored rows after a campaign was killed at random moments, and at last left alone."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RESQ_WORK": str(folder / "killed")}
    rng, file = random.Random(4), written(folder, spec)
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY], cwd=ROOT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with nursery:
        longest, codes = 0.0, []
        for kill in range(kills + 1):
            nursery.stdin.write(f"campaign {file}\n")
            nursery.stdin.flush()
            child, began = int(nursery.stdout.readline()), time.monotonic()
            if kill < kills:
                time.sleep(rng.uniform(0.0, 1.5))
                with suppress(ProcessLookupError):  # it had ended, and its parent has fetched its code
                    os.kill(child, signal.SIGKILL)
            codes.append(int(nursery.stdout.readline()))
            longest = max(longest, time.monotonic() - began)
        nursery.stdin.close()
    assert codes[-1] == 0
    print(f"killed while at work: {codes.count(-signal.SIGKILL)} of {kills}")  # noqa: T201 - for those who ask with -s
    assert -signal.SIGKILL in codes
    return rows_by_key.by_key(cells.keys(spec.cells()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_campaign_killed_at_random_moments_ends_with_the_rows_of_one_left_alone(own_store, monkeypatch):
    spec = replace(SPEC, maps=int(os.environ.get("RESQ_KILL_MAPS", "40")))
    monkeypatch.setenv("RESQ_WORK", str(own_store / "killed"))
    found = killed_and_run_again(own_store, spec, kills=int(os.environ.get("RESQ_KILLS", "5")))
    pd.testing.assert_frame_equal(found, table.frame(executors.run(spec.cells())))
    assert len(rows_by_key.rows()) == len(spec.cells())


def test_a_dask_cluster_of_two_processes_measures_the_same_rows(rows):
    distributed = pytest.importorskip("distributed")
    kinds = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**kinds, host="127.0.0.1") as cluster:
        found = list(executors.run(WHOLE.cells(), cluster=cluster.scheduler_address))
    assert sorted_by_key(found) == sorted_by_key(rows)


def test_a_cluster_that_does_not_answer_is_a_sentence(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "PATIENCE", "1s")
    with pytest.raises(ValueError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        list(executors.run(WHOLE.cells(), cluster="tcp://127.0.0.1:9"))


@pytest.mark.parametrize(
    "file", sorted((ROOT / "assets" / "specs" / "campaigns").glob("*.toml")), ids=lambda file: file.stem
)
def test_every_shipped_campaign_is_one(file):
    assert campaign.read(file).cells()
    assert file.read_text().startswith("# ")


def test_a_campaign_with_a_half_width_stops_each_series_by_the_rule(own_store, capsys):
    # Without flips a hundred maps are one; 1e-4 hardly differs from map to map, 5e-2 differs by far too much.
    spec = CampaignSpec((BASE,), bers=(0.0, 1e-4, 5e-2), maps=25, n=10, half=0.02)
    main(["campaign", str(written(own_store, spec)), "--json"])
    found = table.frame(json.loads(capsys.readouterr().out)["rows"])
    assert found.groupby("ber")["map"].nunique().to_dict() == {0.0: 1, 1e-4: 20, 5e-2: 25}
    main(["campaign", str(written(own_store, spec)), "--json"])
    assert json.loads(capsys.readouterr().out)["measured"] == 0


def test_a_half_width_is_a_share():
    with pytest.raises(ValueError, match=r"under 0\.5, got 2"):
        replace(SPEC, half=2.0)
