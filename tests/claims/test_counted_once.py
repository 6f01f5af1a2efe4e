"""Rows that tell nothing of other maps, that are there twice, or that are of other images."""

import shutil

import numpy as np
import pandas as pd
import pytest

from dashboard.cached import tradeoff
from dashboard.model.storage import places
from resq.claims import card, leaderboard, methods, points, provenance, rerun
from resq.measure.analysis import paired, stats
from resq.measure.store import rows_by_key, table
from resq.protect import at_rate
from tests.claims.test_claims import BASE, maps

N = 400


def struck(name: str, share: float, count: int, seed: int, **changed) -> pd.DataFrame:
    """A cell of so many maps, each of which moves the accuracy by some points."""
    rng, easy = np.random.default_rng(seed), np.random.default_rng(9).permutation(N)
    made = []
    for i in range(count):
        right = np.zeros(N, bool)
        right[easy[: int(N * np.clip(rng.normal(share, 0.05), 0, 1))]] = True
        answers = {"correct": int(right.sum()), "right": np.packbits(right).tobytes(), "n": N}
        name_of = {"checkpoint": f"cifar10/resnet18/{name}", "weights": name[0] * 16, "flips": 1000 + i}
        made.append({**BASE, **name_of, **answers, "map": i, "top": 1e-2, **changed})
    return table.frame(made)


def test_a_difference_on_one_map_has_no_interval_and_opens_no_rank():
    one, other = struck("base", 0.9, 1, 1), struck("plus", 0.6, 1, 2)
    gain = paired.difference(one, other)
    assert gain.mean > 0.1
    assert np.isnan([gain.low, gain.high, gain.p]).all()
    assert np.isnan(paired.retained(one, struck("base", 0.95, 1, 3, ber=0.0, top=0.0))[1:]).all()
    board = leaderboard.board(pd.concat([one, other], ignore_index=True))
    assert board["rank"].tolist() == [1, 1]
    at = "checkpoint=cifar10/resnet18/%s encoding=int8 fault=random ber=1e-2"
    text = places.fill(f"{{more {at % 'base'} | {at % 'plus'}}}", pd.concat([one, other]))
    assert "points (one map, no interval)" in text.text
    cells = points.cells(pd.concat([one, other], ignore_index=True))
    apart = points.difference(*cells, pd.concat([one, other], ignore_index=True))
    assert (apart.low, apart.high) == (-1, 1)  # a claim that rests on it is decided by nothing


def test_two_maps_and_answers_without_flips_keep_their_interval():
    assert not np.isnan(paired.difference(struck("base", 0.9, 2, 1), struck("plus", 0.6, 2, 2)).low)
    free = {"ber": 0.0, "top": 0.0, "axis": "eps", "attack": "pgd", "eps": 8.0}
    assert not np.isnan(
        paired.difference(struck("base", 0.9, 1, 1, **free), struck("plus", 0.6, 1, 2, **free)).low
    )


def test_a_card_under_two_names_is_counted_once(own_folders):
    written = card.write([dict(row) for row in struck("base", 0.8, 5, 1).to_dict("records")])
    boards = []
    for who in ("one", "two"):
        for suffix in (".json", ".parquet"):
            shutil.copyfile(written.with_suffix(suffix), own_folders / f"{who}{suffix}")
        card.load(own_folders / f"{who}.json")
        boards.append(leaderboard.board(table.frame([]), quoted=card.rows("others")))
    assert boards[0]["ber_1e_2_maps"].tolist() == boards[1]["ber_1e_2_maps"].tolist() == [5]


def test_a_card_of_what_is_here_moves_no_rank():
    both = pd.concat([struck("base", 0.80, 10, 6), struck("plus", 0.77, 10, 7)], ignore_index=True)
    for seed in range(0, 60, 2):
        both = pd.concat(
            [struck("base", 0.80, 10, seed), struck("plus", 0.77, 10, seed + 1)], ignore_index=True
        )
        own, other = (both[both["checkpoint"].str.endswith(name)] for name in ("base", "plus"))
        twice = [pd.concat([part, part]) for part in (own, other)]
        if paired.difference(own, other).low <= 0 < paired.difference(*twice, 3).low:
            break
    else:
        pytest.fail("no draw in which counting twice would matter")
    before = leaderboard.board(both)
    after = leaderboard.board(both, quoted=both.assign(code="d" * 16))
    assert set(before["rank"]) == set(after["rank"]) == {1}


def test_rows_of_held_out_images_are_never_told_as_test_images(own_folders):
    def curve(data: str, right: tuple[int, ...]) -> list[dict]:
        same = {"checkpoint": "cifar10/resnet18/own", "data": data, "images": data[-1] * 16, "top": 1e-2}
        rows = [{**BASE, **same, "ber": 0.0, "top": 0.0, "correct": right[0], "key": f"{data}-0"}]
        for ber, count in ((1e-4, right[1]), (1e-2, right[2])):
            rows += [
                {**BASE, **same, "ber": ber, "map": i, "correct": count + i, "key": f"{data}{ber}{i}"}
                for i in range(4)
            ]
        return rows

    tests, held_out = curve("cifar10", (950, 900, 600)), curve("cifar10-held-out", (1000, 990, 800))
    alone = at_rate.accuracy(table.frame(tests), 1e-3, 1e-3, 1e-3)
    assert at_rate.accuracy(table.frame(tests + held_out), 1e-3, 1e-3, 1e-3) == alone
    rows_by_key.add(tests + held_out)
    assert set(tradeoff.stored_here("cifar10/resnet18/own")["data"]) == {"cifar10", "cifar10-held-out"}


def test_an_attack_that_is_run_again_is_held_against_the_noise_of_images():
    free = {
        "axis": "eps",
        "fault": "none",
        "ber": 0.0,
        "attack": "pgd",
        "eps": 8.0,
        "steps": 20,
        "restarts": 1,
    }
    rows = table.frame(maps(230, **free))
    stored = points.cells(rows)[0]
    again = rerun.compare(stored, rows, maps(229, **free, seed=1))
    assert again.within
    assert again.gap.over == "over images"
    assert not rerun.compare(stored, rows, maps(130, **free, seed=1)).within


def test_a_report_counts_maps_of_one_draw_and_names_what_was_said_of_a_file_s_input():
    drawn = [row for top in (1e-2, 5e-2) for row in maps(850, 851, 852, top=top)]
    assert "Up to 3 fault maps" in methods.paragraph(table.frame(drawn))
    file = {
        "checkpoint": "net@0123456789abcdef.onnx",
        "network": "onnx",
        "encoding": "as stored",
        "top": 1e-2,
    }
    read = [
        row
        for inputs, right in (("range 0,1", 100), ("range 0,255", 900))
        for row in maps(right, right + 1, **file, inputs=inputs)
    ]
    commands = provenance.commands(table.frame(read))
    assert ["0,255" in command for command in commands].count(True) == 1
    assert len(commands) == 2
    assert set(stats.curve(table.frame(read))["mean"].round(2)) == {0.1, 0.9}
