"""PVF: the share of answers that one flipped bit changes, by layer and bit."""

import numpy as np
import pytest
import torch

from resq import checkpoints, data
from resq.cli import main
from resq.core import BitFlips, Encoding
from resq.measure.analysis import layer_heatmap
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sensitivity, sweep

BASE = "signs/resnet20/base"


@pytest.fixture(scope="module")
def rows():
    return layer_heatmap.frame(sensitivity.run(LayerSpec(BASE, maps=2, n=40, metric="pvf", encoding="int2")))


def test_every_row_is_one_flip_and_its_share_is_that_of_the_whole_network(rows):
    bench = FaultyNetwork(checkpoints.load(BASE), Encoding.parse("int2"))
    images = data.load("signs", "test").first(40)
    x = sweep.pixels(images)
    spec = rows[(rows["bit"] == 1) & (rows["layer"] == "conv1.weight")]
    where = sensitivity.faults.region(bench.model, ["conv1.weight"], [1])
    drawn = sensitivity.faults.count(
        where, 2 / where.n_bits, rng=sensitivity.seeds.rng(0, "single", "conv1.weight", 1)
    )
    with torch.inference_mode():
        usual = bench.network(x).argmax(1)
    for change, address in zip(spec["change"], drawn.addresses, strict=True):
        with bench.flipped(BitFlips(np.array([address]), np.zeros(1))) as network, torch.inference_mode():
            assert change == float((network(x).argmax(1) != usual).double().mean())


def test_its_cells_are_shares_with_intervals_over_flips(rows):
    cells = layer_heatmap.cells(rows, "pvf")
    assert len(cells) == 2 * rows["layer"].nunique()
    assert cells["mean"].between(0, 1).all()
    assert (cells["maps"] == 2).all()
    assert cells.loc[cells["bit"] == 1, "mean"].sum() > 0


def test_flips_that_changed_no_answer_do_not_say_that_none_does(rows):
    cells = layer_heatmap.cells(rows.assign(change=0.0), "pvf")
    assert (cells["low"] == 0).all()
    # Wilson's upper end of 0 in 2 is z^2 / (2 + z^2).
    assert cells["high"].to_numpy() == pytest.approx(np.full(len(cells), 1.95996**2 / (2 + 1.95996**2)), 1e-4)


@pytest.mark.parametrize("shape", [(0.2, 0.4), (5.0, 2.0), (1.0, 1.0), None])
def test_the_interval_of_a_share_holds_it_as_often_as_it_says(rows, shape):
    rng, found = np.random.default_rng(4), []
    mean = 0.1 if shape is None else shape[0] / sum(shape)
    for _ in range(400):
        changes = rng.random(16) < 0.1 if shape is None else rng.beta(*shape, 16)
        part = rows.head(1).loc[rows.head(1).index.repeat(16)].assign(change=changes.astype(float))
        cell = layer_heatmap.cells(part, "pvf").iloc[0]
        found.append(cell["low"] <= mean <= cell["high"])
    assert np.mean(found) > 0.92


def test_what_copies_outvote_changes_no_answer():
    spec = LayerSpec(BASE, maps=1, n=20, metric="pvf", encoding="int8-x3")
    assert layer_heatmap.frame(sensitivity.run(spec))["change"].sum() == 0


def test_the_command_prints_the_shares_and_how_many_flips_they_need(capsys):
    words = ["sensitivity", BASE, "--metric", "pvf", "--maps", "1", "--n", "10", "--encoding", "int2"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "pvf: share of answers that a single flip changes, bit 1 at the left" in said
    assert "up to 385 of others" in said


def test_no_flips_are_no_pvf():
    with pytest.raises(ValueError, match="maps must be at least 1, got 0"):
        LayerSpec(BASE, metric="pvf")
