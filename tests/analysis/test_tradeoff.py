"""Faults and attacks together and apart: surfaces, areas, the front; numbers that a pencil gives."""

import numpy as np
import pandas as pd
import pytest

from dashboard import cached
from resq.claims import provenance
from resq.measure.analysis import choose, stats, tradeoff
from resq.measure.store import table as store
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


def test_an_area_joins_no_cells_of_two_precisions():
    """Each rate in another one: of neither is there a curve."""
    rows = frame(curves("a", (80, 40), (90, 10)))
    apart = rows.assign(precision=np.where(rows["ber"] == 1e-2, "bf16", "fp32"))
    assert len(tradeoff.areas(rows)) == 1
    assert tradeoff.areas(apart).empty


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


def _drawn(top: float, counts: tuple[int, ...], **changes: object) -> list[dict[str, object]]:
    """Maps drawn at a rate, all at BER 1e-2."""
    return [row(ber=1e-2, top=top, map=m, correct=c, **changes) for m, c in enumerate(counts)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_tile_is_of_the_maps_of_one_draw_the_one_that_speaks(turned):
    """Two maps drawn at 1e-2 and eight at 5e-2: maps 2 to 7 of the latter beside 0 and 1 of the former."""
    few, many = _drawn(1e-2, (90, 10)), _drawn(5e-2, (60, 62, 64, 58, 59, 61, 63, 65))
    attack = row(eps=8.0, axis="eps", attack="pgd", steps=20, restarts=1, correct=40)
    table = frame([row(), attack, *(many + few if turned else few + many)])
    tile = tradeoff.cells(table, "transfer").query("ber > 0").iloc[0]
    speaks = choose.speaking(stats.curve(table)).query("x > 0").iloc[0]
    assert (tile["mean"], tile["maps"], tile["top"]) == (pytest.approx(0.615), 8, 5e-2)
    for name in ("mean", "low", "high", "maps", "top"):
        assert tile[name] == speaks[name]
    behind = tradeoff.used(table, "transfer").query("ber > 0")
    assert sorted(zip(behind["top"], behind["map"], strict=True)) == [(5e-2, m) for m in range(8)]


@pytest.mark.parametrize("other", [{"sample": "random", "images": "all"}, {"precision": "bf16"}])
def test_a_tile_joins_no_maps_on_other_images_or_in_another_precision(other):
    table = frame([row(), *_drawn(1e-2, (80, 82, 81, 79)), *_drawn(1e-2, (20, 22, 60, 18, 25), **other)])
    tiles = tradeoff.cells(table, "transfer")
    assert not tiles.duplicated(["ber", "eps"]).any()
    behind = tradeoff.used(table, "transfer").query("ber > 0")
    assert len(behind[["sample", "precision"]].drop_duplicates()) == 1
    assert len(behind) == tiles.query("ber > 0")["maps"].iloc[0] in (4, 5)


def test_the_commands_of_a_joint_surface_keep_the_draws_of_its_tiles_apart():
    """Eight maps of BER 1e-2 drawn at 5e-2, and three of 1e-3 drawn at 1e-3: no sweep gives both."""
    many = [both(1e-2, 8.0, 30 + m, map=m, top=5e-2, fault="random") for m in range(8)]
    few = [both(1e-3, 8.0, 40 + m, map=m, top=1e-3, fault="random") for m in range(3)]
    commands = provenance.commands(tradeoff.used(frame([*few, *many]), "transfer"))
    assert sorted("--maps 8" in line for line in commands) == [False, True]
    assert sum("--ber 0.001 --maps 3" in line for line in commands) == 1
    assert sum("--ber 0.01 --maps 8" in line and "--top 0.05" in line for line in commands) == 1


# Where maps were drawn at two rates and a tile was of parts of both.
MIXED = {("cifar10/resnet18/base", "int8-symmetric-tensor", 1e-3),
         ("cifar10/resnet18/base", "int8-symmetric-tensor", 1e-2)}  # fmt: skip


def test_every_shipped_tile_is_of_one_draw_and_those_that_were_so_before_have_not_moved(monkeypatch):
    rows = store.shipped()
    rows = rows[(rows["region"] == "all") & (rows["seed"] == 0)]
    rows = rows[rows["fault"].isin(["none", "random"]) & rows["attack"].isin(["none", "pgd"])]
    # Two draws both begin with map 0: a surface without a map twice on as many images is of one draw a tile.
    twice = rows.duplicated(["checkpoint", "encoding", "axis", "mode", "ber", "eps", "map", "n"], keep=False)
    surfaces = [own for _, own in rows.groupby(["checkpoint", "encoding"]) if twice[own.index].any()]
    each = [(own, mode) for own in surfaces for mode in ("transfer", "adaptive")]
    each = [(own, mode) for own, mode in each if mode == "transfer" or (own["mode"] == mode).any()]
    now = pd.concat([tradeoff.used(*one) for one in each])
    # Each map once, whichever draw it is of, as they were merged before.
    merge = {"name": "_speaking", "value": lambda of: of.drop_duplicates(["ber", "eps", "map", "seed"])}
    monkeypatch.setattr(tradeoff, **merge)
    merged = pd.concat([tradeoff.used(*one) for one in each])
    row_of = ["checkpoint", "encoding", "ber", "eps", "axis", "mode", "map", "top", "n", "images", "correct"]
    before, after = (set(of[row_of].itertuples(index=False, name=None)) for of in (merged, now))
    assert {(net, enc, ber) for net, enc, ber, *_ in before ^ after} == MIXED
    tiles = now.assign(mode=now["mode"].where(now["axis"] == "joint", "")).groupby(row_of[:6])
    assert len(tiles) > 200
    assert (tiles[["top", "n", "images", "sample", "precision"]].nunique() == 1).all(axis=None)
