"""Areas, retention and p50, with numbers that a pencil can check."""

import numpy as np
import pytest

from resq.measure.analysis import areas
from resq.measure.store import table
from tests.analysis.test_stats import row


def test_a_flat_curve_has_its_height_as_area():
    assert areas.r_f(np.array(areas.BERS), np.full((3, 7), 0.8)).tolist() == pytest.approx([0.8] * 3)
    assert areas.r_a(np.array(areas.EPS), np.full(4, 0.3)) == pytest.approx(0.3)


def test_the_fault_area_is_over_log_ber_and_looks_at_the_seven_rates_alone():
    bers = np.array([0.0, *areas.BERS, 0.1])
    accuracy = np.where(bers <= 1e-3, 1.0, 0.0)
    # Right up to 1e-3, wrong from 3e-3 on: one decade, and half of the log10(3) after it, of log10(200).
    expected = (1 + np.log10(3) / 2) / np.log10(200)
    assert areas.r_f(bers, accuracy) == pytest.approx(expected)


def test_the_attack_area_weighs_budgets_by_their_distance():
    # Trapezoids: (1 + .5)/2 x 2 + (.5 + .2)/2 x 2 + (.2 + 0)/2 x 4 = 1.5 + .7 + .4 = 2.6, over 8.
    assert areas.r_a(np.array([8.0, 4.0, 2.0, 0.0]), np.array([0.0, 0.2, 0.5, 1.0])) == pytest.approx(2.6 / 8)


def test_a_rate_that_was_not_measured_is_named():
    with pytest.raises(ValueError, match=r"the area needs BER .*; lacking 0.003"):
        areas.r_f(np.array([1e-4, 3e-4, 1e-3]), np.ones(3))


def test_chance_counts_nothing_and_retention_is_the_share_kept_above_it():
    assert areas.above_chance(np.array([0.25, 1.0, 0.0]), 4).tolist() == pytest.approx([0, 1, -1 / 3])
    assert areas.retention(np.array([0.1, 0.3, 0.9]), 0.9, 10).tolist() == pytest.approx([0, 0.25, 1])


def test_worst_case_never_wins_an_image_back():
    right = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=bool)
    assert areas.worst_case(right).astype(int).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_p50_lies_where_the_line_in_log_ber_crosses_one_half():
    bers = np.array([0, 1e-3, 1e-2, 1e-1])
    # Kept above chance: 1, 1, .75, .25 of the clean accuracy; half lies midway between the last two.
    accuracy = 0.1 + 0.9 * np.array([1, 1, 0.75, 0.25])
    assert areas.p50(bers, accuracy, 10) == pytest.approx(10**-1.5)


@pytest.mark.parametrize("kept", [[1, 1, 0.9], [1, 0.2, 0.1]])
def test_p50_is_not_guessed_beyond_the_measured_rates(kept):
    assert np.isnan(areas.p50(np.array([0, 1e-3, 1e-2]), np.array(kept), 10**6))


def test_p50_wants_the_clean_accuracy():
    with pytest.raises(ValueError, match=r"at BER 0; the first rate is 0.001"):
        areas.p50(np.array([1e-3, 1e-2]), np.ones(2), 10)


def test_rows_become_one_line_of_accuracies_per_map_and_the_clean_one_serves_all():
    rows = [row(correct=90), *[row(ber=b, map=m, correct=c) for b, m, c in
            [(0.01, 0, 80), (0.01, 1, 70), (0.02, 0, 50)]]]  # fmt: skip
    bers, accuracy = areas.nested(table.frame(rows))
    assert bers.tolist() == [0, 0.01, 0.02]
    assert accuracy.tolist() == [[0.9, 0.8, 0.5]]  # map 1 lacks the last rate
    with pytest.raises(ValueError, match=r"a curve is of one encoding, got \['int4', 'int8'\]"):
        areas.nested(table.frame([*rows, row(encoding="int4")]))
