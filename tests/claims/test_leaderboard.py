"""The leaderboard: every figure follows from rows, and what is not measured is not there."""

import math

import numpy as np
import pandas as pd
import pytest

from dashboard.format import claim_sentences, encodings
from resq import checkpoints
from resq.claims import leaderboard
from resq.claims.rerun import Run
from resq.core import Encoding
from resq.measure.engine import storage
from resq.measure.store import table
from tests.claims.test_claims import maps

SHIPPED = checkpoints.names()
BERS = (1e-4, 3e-4, 1e-3, 3e-3, 5e-3, 1e-2, 2e-2)


def curve(**changed):
    return [row for ber in (0.0, *BERS) for row in maps(900, **changed, ber=ber)]


def attack(correct: int, eps: float, **changed):
    return maps(correct, axis="eps", ber=0.0, attack="pgd", eps=eps, steps=20, restarts=1, **changed)


def test_a_line_holds_what_its_rows_say():
    rows = [*curve(), *(row for eps in (0.0, 2.0, 4.0, 8.0) for row in attack(500, eps))]
    line = leaderboard.board(table.frame(rows)).iloc[0]
    assert (line["checkpoint"], line["encoding"], line["stored_bits"]) == ("cifar10/resnet18/base", "int8", 8)
    assert line["r_f"] == pytest.approx(0.9)
    assert line["r_a"] == pytest.approx(0.5)
    assert (line["ber_1e_2"], line["pgd_8"], line["level"]) == (0.9, 0.5, leaderboard.HERE)


def test_r_f_joins_no_cells_of_several_sets_of_maps():
    """More maps at one rate speak for that rate; R_F stays the area of one set of maps."""
    many = maps(*[500] * 40, ber=1e-2, top=0.1)
    line = leaderboard.board(table.frame([*curve(), *many])).iloc[0]
    assert line["r_f"] == pytest.approx(0.9)
    assert line["r_f_maps"] == len(maps(900))


def test_r_f_joins_no_cells_of_two_precisions():
    whole = table.frame(curve())
    apart = whole.assign(precision=np.where(whole["ber"] > 1e-3, "bf16", "fp32"))
    assert np.isfinite(leaderboard.board(whole)["r_f"].iloc[0])
    assert np.isnan(leaderboard.board(apart)["r_f"].iloc[0])


def test_what_is_not_measured_is_nan_and_never_made_up():
    line = leaderboard.board(table.frame(curve()[:-1])).iloc[0]
    assert math.isnan(line["r_f"])
    assert math.isnan(line["pgd_8"])
    assert math.isnan(line["strong_8"])


@pytest.mark.parametrize(
    ("encoding", "bits"),
    [("int4-tmr2", 8), ("int8-spw", 13), ("int8-secded", 9), ("int8-secded0", 9), ("int8-radar8", 8.25)],
)
def test_copies_and_checks_count_as_stored_bits(encoding, bits):
    """A guard's check bits lie in the same memory: they were left out of the board, which flattered it."""
    rows = table.frame(maps(900, encoding=encoding))
    assert leaderboard.board(rows).iloc[0]["stored_bits"] == pytest.approx(bits, abs=1e-3)


def test_limits_of_activations_count_as_stored_bits():
    net = "signs/resnet20/base"
    line = leaderboard.board(table.frame(maps(900, encoding="int8+ranger", checkpoint=net))).iloc[0]
    assert line["stored_bits"] == pytest.approx(
        8 + storage.limit_bits("resnet20") / sum(checkpoints.sizes(net))
    )
    assert line["stored_bits"] > 8


def test_no_board_of_shipped_rows_counts_fewer_bits_than_the_encoding_takes():
    board = leaderboard.board(table.shipped())
    known = board[board["stored_bits"].notna()]
    assert known["encoding"].str.contains("secded|spw|radar|limits").any()
    for line in known.drop_duplicates(["checkpoint", "encoding"]).to_dict("records"):
        sizes = checkpoints.sizes(line["checkpoint"]) if line["checkpoint"] in SHIPPED else [1000]
        wanted = Encoding.parse(line["encoding"]).memory(sizes)
        assert line["stored_bits"] == pytest.approx(wanted, abs=2e-2), line["encoding"]


def test_the_strongest_attack_measured_is_shown():
    weak, strong = attack(500, 8.0), [{**row, "restarts": 5} for row in attack(450, 8.0)]
    assert leaderboard.board(table.frame([*weak, *strong])).iloc[0]["pgd_8"] == 0.45


def test_apgd_or_autoattack_is_the_robust_figure_and_pgd_stands_apart():
    apgd = [{**row, "attack": "apgd", "steps": 100} for row in attack(370, 8.0)]
    auto = [{**row, "attack": "autoattack", "steps": 100, "n": 100} for row in attack(38, 8.0)]
    line = leaderboard.board(table.frame([*attack(430, 8.0), *apgd, *auto])).iloc[0]
    assert (line["strong_8"], line["strong_8_n"], line["pgd_8"]) == (0.37, 1000, 0.43)
    assert line["strong_8_low"] < 0.37 < line["strong_8_high"]
    assert math.isnan(leaderboard.board(table.frame(auto)).iloc[0]["strong_8"])  # 100 images are too few


def test_every_figure_says_its_own_images_and_interval():
    rows = [*maps(9310, n=10_000, ber=0.0), *maps(850, 855), *attack(5, 8.0)]
    line = leaderboard.board(table.frame(rows)).iloc[0]
    assert (line["clean_n"], line["ber_1e_2_n"], line["pgd_8_n"]) == (10_000, 1000, 1000)
    for column in leaderboard.CELLS[:3]:
        assert line[f"{column}_low"] < line[column] < line[f"{column}_high"]


def test_lines_that_cannot_be_told_apart_share_a_rank():
    names = [f"cifar10/resnet18/{name}" for name in ("one", "two", "three", "four")]
    counts = ((900, 910, 905), (899, 908, 906), (800, 805, 810), (801, 803, 806))
    rows = [row for name, c in zip(names, counts, strict=True) for row in maps(*c, checkpoint=name)]
    found = leaderboard.ranked(leaderboard.board(table.frame(rows)))
    assert found[["checkpoint", "rank"]].to_numpy().tolist() == [
        [names[0], 1], [names[1], 1], [names[2], 3], [names[3], 3],
    ]  # fmt: skip


def test_a_line_says_how_it_is_known():
    rows, other = table.frame(maps(900, 903)), table.frame(maps(800, checkpoint="cifar10/resnet18/theirs"))

    def level(*again: tuple[int, ...], **changed: object) -> str:
        runs = [Run(str(i), "", "", table.frame(maps(*c, **changed))) for i, c in enumerate(again)]
        own, quoted = leaderboard.board(rows, again=runs, quoted=other)["level"]
        assert quoted == leaderboard.QUOTED
        return str(own)

    assert level() == leaderboard.HERE
    assert level((900, 903), (500, 501)) == leaderboard.AGAIN  # the latest, the first of them, counts
    assert level((500, 501), (900, 903)) == leaderboard.DIFFERS
    assert level((901, 902), seed=7) == leaderboard.AGAIN
    assert level((500, 501), seed=7) == leaderboard.DIFFERS


def test_a_part_of_a_cell_measured_again_is_no_outcome_but_says_how_much_it_is():
    stored = maps(900, 903, 860)

    def level(*again: list[dict]) -> str:
        runs = [Run(str(i), "a-claim", "", table.frame(part)) for i, part in enumerate(again)]
        return str(leaderboard.board(table.frame(stored), again=runs)["level"].item())

    assert level(stored[:2]) == f"{leaderboard.PART}, 2 of 3 fault maps"
    few = maps(90, 90, 86, n=100, images="e" * 16)
    assert level(few) == f"{leaderboard.PART}, 3 of 3 fault maps, 100 of 1,000 images"
    assert level(stored[:1], stored) == leaderboard.AGAIN  # cancelled later, but there is a whole one
    both = pd.DataFrame({"level": [level(stored[:2]), level(few), leaderboard.HERE]})
    assert claim_sentences.level(both) == f"1 {leaderboard.HERE}, 2 {leaderboard.PART}"


def test_no_rows_are_no_lines():
    assert leaderboard.board(table.frame([])).empty


def test_a_board_ranks_within_a_data_set_and_puts_what_is_not_measured_last():
    found = pd.DataFrame({"data": ["signs", "cifar10", "cifar10", "signs", "cifar10"],
                          "ber_1e_2": [0.9, 0.2, np.nan, 0.95, 0.8]})  # fmt: skip
    order = leaderboard.ranked(found.assign(line=range(5)))["line"]
    assert list(order) == [4, 1, 2, 3, 0]


def test_of_a_study_the_first_seed_of_each_model_stands_on_the_board():
    names = ["signs/resnet20/asym-f-s0", "signs/resnet20/asym-f-s1", "signs/resnet20/asym-f-s10"]
    rows = [row for name in names for row in maps(900, checkpoint=name)]
    assert list(leaderboard.board(table.frame(rows))["checkpoint"]) == names[:1]


def test_a_line_says_its_fault_maps_its_seeds_and_how_pgd_was_run():
    """The columns were made and then left out of the table."""
    rows = [*maps(900, 901), *(row for eps in (0.0, 8.0) for row in attack(500, eps))]
    line = leaderboard.board(table.frame(rows)).iloc[0]
    assert (line["ber_1e_2_maps"], line["pgd_how"], line["seeds"]) == (2, "20 x 1", "0")
    shown = claim_sentences.leaders(leaderboard.board(table.shipped())).data
    assert {"BER 10⁻², maps", "PGD's steps x starts", "seed", encodings.EXACT} <= set(shown)
    assert shown["PGD's steps x starts"].str.fullmatch(r"\d+ x \d+").sum() > 5
    assert (shown["BER 10⁻², maps"] > 1).sum() > 20
