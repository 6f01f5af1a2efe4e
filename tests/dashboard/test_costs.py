"""What a sweep costs before it runs, and how much of it is done while it runs."""

import pytest

from dashboard.charts import tradeoff_map
from dashboard.model import costs
from dashboard.model.own import ownnames
from dashboard.server.job_queue import Measurement
from resq.core.errors import ResqError
from resq.measure.analysis import tradeoff
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

JOINT = {"bers": (0.0, 1e-2), "eps": (0.0, 8.0), "maps": 2, "n": 10, "steps": 5}


def test_transferred_examples_are_made_once_and_adaptive_ones_for_every_map_and_rate():
    transfer, adaptive = (
        costs.passes(SweepSpec("signs/resnet20/base", modes=(mode,), **JOINT))
        for mode in ("transfer", "adaptive")
    )
    assert (
        len(transfer) == len(adaptive) == SweepSpec("signs/resnet20/base", modes=("transfer",), **JOINT).total
    )
    assert sorted(set(transfer)) == sorted(set(adaptive)) == [10.0, 10.0 + 3 * 10 * 5]
    assert transfer.count(160.0) == 1
    assert adaptive.count(160.0) == len(adaptive) / 2


def test_the_share_that_is_done_counts_rows_by_their_cost():
    spec = SweepSpec("signs/resnet20/base", modes=("transfer",), **JOINT)
    run = Measurement([spec])
    each = costs.passes(spec)
    run.jobs = [type("Job", (), {"rows": [{}] * 2})()]
    assert run.done == pytest.approx(sum(each[:2]) / sum(each))
    assert run.done != pytest.approx(2 / len(each))


def test_an_unmeasured_map_is_hatched_in_every_tile_and_holds_no_number():
    empty = tradeoff.cells(table.frame([]), "transfer")
    drawn = tradeoff_map.heatmap(empty, planned=((0.0, 1e-2), (0.0, 4.0, 8.0)))
    assert [[value is None or value != value for value in line] for line in drawn.data[0].z] == [
        [True] * 3
    ] * 2
    hatch = drawn.layout.shapes[-1].path
    assert hatch.count("M") == 2 * 3 * 7


def test_a_brought_network_keeps_its_digits_whatever_it_is_called():
    assert ownnames.digits("signs/resnet20/own-12fca82f") == "12fca82f"
    assert ownnames.digits("signs/resnet20/own-my-net-12fca82f") == "12fca82f"
    with pytest.raises(ResqError, match="base' was not brought here"):
        ownnames.digits("signs/resnet20/base")
    with pytest.raises(ResqError, match=r"a name has letters or digits, got '\.\./\.\.'"):
        ownnames.rename("signs/resnet20/own-12fca82f", "../..")
    with pytest.raises(ResqError, match="not brought here"):
        ownnames.delete("signs/resnet20/base")
