"""What a sweep costs before it runs, and how much of it is done while it runs."""

import time

import pytest

from dashboard.cached import speed
from dashboard.charts import tradeoff_map
from dashboard.format import numbers
from dashboard.model import costs, remaining
from dashboard.model.own import ownnames
from dashboard.server.job_queue import Measurement
from resq.core.errors import ResqError
from resq.measure.analysis import tradeoff
from resq.measure.analysis.layer_heatmap import LayerSpec
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
    assert sorted(set(transfer)) == sorted(set(adaptive)) == [10.0, 10.0 + 0.6 * 10 * 5]
    assert transfer.count(40.0) == 1
    assert adaptive.count(40.0) == len(adaptive) / 2


@pytest.mark.parametrize(("load", "longer"), [(0.2, 1.0), (3.0, 2.0), (9.0, 5.0)])
def test_a_price_counts_what_else_computes_on_the_machine(monkeypatch, load, longer):
    """A map of 37 s took ten minutes on two cores with ten jobs, and said 37 s until it began."""
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(speed, "each", lambda net: 0.01)
    assert speed.speeds([SweepSpec("signs/resnet20/base")]) == [pytest.approx(0.01 * longer)]


def test_what_a_pass_waits_for_others_is_no_part_of_its_time():
    """Counted in both, a busy machine's wait was told twice: an hour and a half instead of ten minutes."""
    assert speed._timed(lambda: time.sleep(0.3)) < 0.2


def test_the_share_that_is_done_counts_rows_by_their_cost():
    spec = SweepSpec("signs/resnet20/base", modes=("transfer",), **JOINT)
    run = Measurement([spec])
    each = costs.passes(spec)
    run.jobs = [type("Job", (), {"rows": [{}] * 2})()]
    assert run.done == pytest.approx(sum(each[:2]) / sum(each))
    assert run.done != pytest.approx(2 / len(each))


def test_what_is_left_of_a_sweep_is_told_by_its_cells_and_begins_with_what_nobody_has_measured():
    spec = SweepSpec("signs/resnet20/base", bers=(0.0, 1e-2), maps=2, n=10, eps=(8.0,))
    keys = ["clean", "map 0", "map 1", "attacked"]
    some = remaining.remaining(spec, spec, keys, {"clean", "map 0"})
    assert (some.total, some.hash, some.argv()[-1]) == (2, spec.hash, "--missing")
    assert costs.weights(some, some.total) == costs.passes(spec)[2:]
    assert remaining.remaining(spec, spec, keys, set(keys)).total == 0
    whole = remaining.remaining(spec, spec, keys, set())
    assert remaining.ordered([some, whole]) == [whole, some]
    part = remaining.asked(spec, ((0.0, 1e-2), ()))
    assert (part.bers, part.eps, part.drawn_at) == ((), (8.0,), 0.0)
    part = remaining.asked(spec, ((1e-2,), (8.0,)))
    assert list(part.cells()) == list(spec.cells())[:1], "the same cells, drawn at the same rate"


def test_the_time_left_is_told_before_the_first_row_and_then_follows_the_rows(monkeypatch):
    spec = SweepSpec("signs/resnet20/base", bers=(0.0, 1e-3), maps=10, n=100)
    run = Measurement([spec, spec], speeds=(0.01, 0.01))
    each = 0.01 * 100 * 11  # eleven rows of a second each
    assert run.left == pytest.approx(2 * each + 2 * costs.START)
    run.state, run._ended = "running", 0.0
    # Half of the first sweep took twice as long as told: the rest will take nearly that.
    run.jobs = [type("Job", (), {"rows": [{}] * 5})()]
    monkeypatch.setattr(Measurement, "seconds", costs.START + 10.0)
    assert run.left == pytest.approx((10 + 2) / (5 + 2) * 17 + costs.START)
    assert Measurement([spec]).left is None, "nothing is known of its speed"


def test_a_row_of_an_early_layer_costs_more_than_one_of_the_last():
    each = costs.heated(LayerSpec("signs/resnet20/base", maps=1))
    assert len(each) == LayerSpec("signs/resnet20/base", maps=1).total
    measured = each[len(each) // 2 :]
    assert measured == sorted(measured, reverse=True)
    assert measured[0] == pytest.approx(256)
    assert measured[-1] == pytest.approx(256 / 20)


def test_an_unmeasured_map_is_hatched_in_every_tile_and_holds_no_number():
    empty = tradeoff.cells(table.frame([]), "transfer")
    drawn = tradeoff_map.heatmap(empty, planned=((0.0, 1e-2), (0.0, 4.0, 8.0)))
    assert [[value is None or value != value for value in line] for line in drawn.data[0].z] == [
        [True] * 3
    ] * 2
    hatch = drawn.layout.shapes[-1].path
    assert hatch.count("M") == 2 * 3 * 8  # a frame and seven lines a tile


def test_a_brought_network_keeps_its_digits_whatever_it_is_called():
    assert ownnames.digits("signs/resnet20/own-12fca82f") == "12fca82f"
    assert ownnames.digits("signs/resnet20/own-my-net-12fca82f") == "12fca82f"
    with pytest.raises(ResqError, match="base' was not brought here"):
        ownnames.digits("signs/resnet20/base")
    with pytest.raises(ResqError, match=r"a name has letters or digits, got '\.\./\.\.'"):
        ownnames.rename("signs/resnet20/own-12fca82f", "../..")
    with pytest.raises(ResqError, match="not brought here"):
        ownnames.delete("signs/resnet20/base")


@pytest.mark.parametrize(("right", "n", "digits", "said"), [
    (1999, 2000, 1, "over 99.9 %"), (199, 200, 0, "over 99 %"), (1, 200, 0, "under 1 %"),
    (1, 4000, 1, "under 0.1 %"), (2000, 2000, 1, "100.0 %"), (0, 200, 1, "0.0 %"),
])  # fmt: skip
def test_what_is_not_all_is_not_written_as_all(right, n, digits, said):
    assert numbers.percent(right / n, digits).replace(numbers.THIN, " ") == said
