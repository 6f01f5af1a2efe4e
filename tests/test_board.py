"""The leaderboard: every figure follows from rows, and what is not measured is not there."""

import math

import numpy as np
import pandas as pd
import pytest

from resq.claims import board
from resq.claims.rerun import Run
from resq.measure import table
from tests.test_claims import maps

BERS = (1e-4, 3e-4, 1e-3, 3e-3, 5e-3, 1e-2, 2e-2)


def curve(**changed):
    return [row for ber in (0.0, *BERS) for row in maps(900, **changed, ber=ber)]


def attack(correct: int, eps: float, **changed):
    return maps(correct, axis="eps", ber=0.0, attack="pgd", eps=eps, steps=20, restarts=1, **changed)


def test_a_line_holds_what_its_rows_say():
    rows = [*curve(), *(row for eps in (0.0, 2.0, 4.0, 8.0) for row in attack(500, eps))]
    line = board.board(table.frame(rows)).iloc[0]
    assert (line["checkpoint"], line["encoding"], line["stored_bits"]) == ("cifar10/resnet18/base", "int8", 8)
    assert line["r_f"] == pytest.approx(0.9)
    assert line["r_a"] == pytest.approx(0.5)
    assert (line["ber_1e_2"], line["pgd_8"], line["level"]) == (0.9, 0.5, board.HERE)


def test_what_is_not_measured_is_nan_and_never_made_up():
    line = board.board(table.frame(curve()[:-1])).iloc[0]
    assert math.isnan(line["r_f"])
    assert math.isnan(line["pgd_8"])
    assert math.isnan(line["autoattack_8"])


def test_copies_count_as_stored_bits():
    assert board.board(table.frame(maps(900, encoding="int4-tmr2"))).iloc[0]["stored_bits"] == 8


def test_the_strongest_attack_measured_is_shown():
    weak, strong = attack(500, 8.0), [{**row, "restarts": 5} for row in attack(450, 8.0)]
    assert board.board(table.frame([*weak, *strong])).iloc[0]["pgd_8"] == 0.45


def test_a_line_says_how_it_is_known():
    rows, other = table.frame(maps(900, 903)), table.frame(maps(800, checkpoint="cifar10/resnet18/theirs"))

    def levels(*again: int) -> list[str]:
        runs = [Run(str(i), "a-claim", "", table.frame(maps(count))) for i, count in enumerate(again)]
        return list(board.board(rows, again=runs, quoted=other)["level"])

    assert levels() == [board.HERE, board.QUOTED]
    assert levels(901, 500) == [board.AGAIN, board.QUOTED]  # the latest, the first of them, counts
    assert levels(500, 901) == [board.DIFFERS, board.QUOTED]


def test_no_rows_are_no_lines():
    assert board.board(table.frame([])).empty


def test_a_board_ranks_within_a_data_set_and_puts_what_is_not_measured_last():
    found = pd.DataFrame({"data": ["signs", "cifar10", "cifar10", "signs", "cifar10"],
                          "ber_1e_2": [0.9, 0.2, np.nan, 0.95, 0.8]})  # fmt: skip
    order = board.ranked(found.assign(line=range(5)))["line"]
    assert list(order) == [4, 1, 2, 3, 0]


def test_of_a_study_the_first_seed_of_each_model_stands_on_the_board():
    names = ["signs/resnet20/asym-f-s0", "signs/resnet20/asym-f-s1", "signs/resnet20/asym-f-s10"]
    rows = [row for name in names for row in maps(900, checkpoint=name)]
    assert list(board.board(table.frame(rows))["checkpoint"]) == names[:1]
