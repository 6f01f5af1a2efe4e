"""Faults and attacks together and apart: surfaces, areas, the front; numbers that a pencil gives."""

import numpy as np
import pandas as pd
import pytest

from dashboard import cached
from resq.measure.analysis import stats, tradeoff
from resq.measure.store.table import frame
from tests.dashboard.test_charts import row


def both(ber: float, eps: float, correct: int, **changes: object) -> dict[str, object]:
    """One cell under faults and attack."""
    given = {"axis": "joint", "mode": "transfer", "attack": "pgd", "steps": 20, "restarts": 1, **changes}
    return row(ber=ber, eps=eps, correct=correct, **given)


def rows() -> pd.DataFrame:
    """A corner of four cells; that under both on two maps."""
    attack = {"axis": "eps", "attack": "pgd", "steps": 20, "restarts": 1}
    return frame([
        row(), row(ber=1e-2, correct=80), row(eps=8.0, correct=40, **attack),
        both(1e-2, 8.0, 30), both(1e-2, 8.0, 10, map=1), both(1e-2, 8.0, 6, mode="adaptive"),
    ])  # fmt: skip


def test_a_surface_has_its_edges_from_sweeps_and_its_inside_from_joint_cells_of_the_mode():
    bers, budgets, z = tradeoff.grid(tradeoff.cells(rows(), "transfer"))
    assert (bers, budgets) == ([0.0, 1e-2], [0.0, 8.0])
    assert z == pytest.approx(np.array([[0.9, 0.4], [0.8, 0.2]]))
    assert tradeoff.grid(tradeoff.cells(rows(), "adaptive"))[2][1, 1] == pytest.approx(0.06)


def test_a_joint_cell_has_an_interval_over_its_maps():
    inside = tradeoff.cells(rows(), "transfer").query("ber > 0 and eps > 0").iloc[0]
    assert inside["maps"] == 2
    assert (inside["low"], inside["high"]) == pytest.approx(stats.t_interval(np.array([0.3, 0.1])))


def test_what_was_not_measured_is_a_gap_and_no_zero():
    lacking = rows().query("axis != 'joint'")
    assert np.isnan(tradeoff.grid(tradeoff.cells(lacking, "transfer"))[2][1, 1])
    assert tradeoff.cells(rows().iloc[:0], "transfer").empty


def test_of_several_numbers_of_images_the_largest_counts():
    more = pd.concat([rows(), frame([both(1e-2, 8.0, 500, n=1000)])])
    assert tradeoff.grid(tradeoff.cells(more, "transfer"))[2][1, 1] == 0.5


def test_a_surface_is_of_one_attack_the_one_that_most_cells_were_measured_with():
    stronger = {"axis": "eps", "attack": "pgd", "steps": 20, "restarts": 5, "n": 1000}
    more = pd.concat([rows(), frame([row(eps=8.0, correct=100, **stronger)])])
    found = tradeoff.cells(more, "transfer")
    assert tradeoff.grid(found)[2][0, 1] == 0.4
    assert set(found.query("eps > 0")["restarts"]) == {1}


def test_where_as_many_cells_were_measured_with_two_attacks_the_stronger_counts():
    pair = [
        row(axis="eps", attack="pgd", steps=20, restarts=r, eps=8.0, correct=c) for r, c in ((1, 40), (5, 30))
    ]
    assert tradeoff.grid(tradeoff.cells(frame([row(), *pair]), "transfer"))[2][0, 1] == 0.3


def test_beside_joint_cells_with_edges_of_their_own_no_sweep_on_other_images_is_drawn():
    own = [both(b, e, c) for b, e, c in ((0.0, 0.0, 95), (0.0, 8.0, 45), (1e-2, 0.0, 85), (1e-2, 8.0, 30))]
    sweeps = [row(n=500, correct=450), row(ber=1e-3, n=500, correct=440)]
    bers, _, z = tradeoff.grid(tradeoff.cells(frame([*own, *sweeps]), "transfer"))
    assert bers == [0.0, 1e-2]
    assert z == pytest.approx(np.array([[0.95, 0.45], [0.85, 0.3]]))


def curves(name: str, faulty: tuple[int, int], attacked: tuple[int, int]) -> list[dict[str, object]]:
    attack = {"checkpoint": name, "axis": "eps", "attack": "pgd", "steps": 20, "restarts": 1}
    return [
        row(checkpoint=name),
        *(row(checkpoint=name, ber=b, correct=c) for b, c in zip((1e-3, 1e-2), faulty, strict=True)),
        *(row(**attack, eps=e, correct=c) for e, c in zip((0.0, 8.0), attacked, strict=True)),
    ]  # fmt: skip


def test_areas_are_mean_heights_over_the_points_that_all_share():
    table = frame([*curves("a", (80, 40), (90, 10)), *curves("b", (90, 90), (90, 50)), row(ber=2e-2)])
    found = tradeoff.areas(table).set_index("checkpoint")
    assert found["faults"].tolist() == pytest.approx([0.6, 0.9])
    assert found["attack"].tolist() == pytest.approx([0.5, 0.7])
    assert found["bers"].iloc[0] == (1e-3, 1e-2)
    assert found["clean"].tolist() == [0.9, 0.9]


def test_an_area_joins_no_cells_of_several_sets_of_images_or_maps():
    """A rate measured on more images speaks for its point elsewhere, and not within the area of a curve."""
    longer = [row(checkpoint="a", ber=1e-2, n=1000, correct=900), row(checkpoint="a", n=1000, correct=950)]
    found = tradeoff.areas(frame([*curves("a", (80, 40), (90, 10)), *longer])).iloc[0]
    assert (found["faults"], found["n"]) == (pytest.approx(0.6), 100)
    assert (found["clean"], found["clean_n"]) == (
        0.9,
        100,
    )  # on the same images, though 1,000 speak for the point


def test_without_clean_rows_on_the_images_of_an_area_those_on_others_are_told():
    table = [line for line in curves("a", (80, 40), (90, 10)) if line.get("ber") or line["axis"] == "eps"]
    found = tradeoff.areas(frame([*table, row(checkpoint="a", n=1000, correct=950)])).iloc[0]
    assert (found["clean"], found["clean_n"], found["n"]) == (0.95, 1000, 100)


def test_an_area_is_of_one_attack_and_says_which():
    shared = {"checkpoint": "a", "axis": "eps", "attack": "pgd", "steps": 20}
    more = [
        row(**shared, eps=4.0, restarts=1, correct=50),
        row(**shared, eps=8.0, restarts=5, n=1000, correct=0),
    ]
    found = tradeoff.areas(frame([*curves("a", (80, 40), (90, 10)), *more])).iloc[0]
    assert (found["attack"], found["steps"], found["restarts"]) == (pytest.approx(0.5), 20, 1)


def test_rows_in_which_more_than_the_words_of_weights_was_struck_are_in_no_area():
    plain = curves("a", (80, 40), (90, 10))
    more = [row(ber=ber, n=1000, correct=0, checkpoint="a", region="weights and floats", targets="all")
            for ber in (0.0, 1e-3, 1e-2)]  # fmt: skip
    pd.testing.assert_frame_equal(tradeoff.areas(frame([*plain, *more])), tradeoff.areas(frame(plain)))


def test_a_network_without_attacked_rows_has_no_areas():
    assert tradeoff.areas(frame([row(), row(ber=1e-3), row(ber=1e-2)])).empty


def test_the_shipped_study_has_both_areas_though_its_attacked_rows_name_no_fault_model():
    found = cached.areas("signs/resnet20/base")
    assert {"signs/resnet20/base", "signs/resnet20/asym-00-s10", "signs/resnet20/asym-a-s10"} <= set(
        found["checkpoint"]
    )
