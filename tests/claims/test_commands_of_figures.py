"""The command beside a figure asks for exactly the cells of the rows that the figure is drawn from."""

import pandas as pd
import pytest
import streamlit as st

from dashboard import cached
from dashboard.forms import sweep
from resq.claims import provenance
from resq.measure.store import table

ROWS = table.shipped()
OF = ROWS[ROWS["axis"] == "joint"][["checkpoint", "encoding", "mode"]]
JOINT = sorted(set(OF.itertuples(index=False, name=None)))


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def cell_of(row) -> tuple:
    """What a row is of, beside its counts and hashes; where no bit flips, the fault model does not matter."""
    at = (row.checkpoint, row.encoding, row.axis, row.ber, row.map, row.attack, row.eps, row.n, row.seed)
    faulty = (row.fault, row.top) if row.ber else ()
    attacked = (row.steps, row.restarts) if row.attack != "none" else ()
    return (*at, *faulty, *attacked, row.mode if row.axis == "joint" else "", row.precision, row.sample)


def asked(spec) -> set[tuple]:
    """The same of every cell that a sweep measures."""
    found = set()
    for c in spec.cells():
        axis = "joint" if spec.modes else "eps" if c.attack != "none" else "ber"
        at = (c.checkpoint, c.encoding, axis, c.ber, c.map, c.attack, c.eps, c.n, c.seed)
        faulty = (c.fault, c.top) if c.ber else ()
        attacked = (c.steps, c.restarts) if c.attack != "none" else ()
        found.add((*at, *faulty, *attacked, c.mode if axis == "joint" else "", c.precision, c.sample))
    return found


def exact(rows: pd.DataFrame, specs) -> None:
    """The specs ask for these rows and for nothing else."""
    # Older rows do not note the rate that their maps were drawn at: the largest of their series.
    largest = rows.groupby(["checkpoint", "encoding", "axis"])["ber"].transform("max")
    rows = rows.assign(top=rows["top"].where(rows["top"] > 0, largest))
    wanted = {cell_of(row) for row in rows.itertuples()}
    given = set().union(*map(asked, specs))
    assert given == wanted, (sorted(map(str, given - wanted))[:3], sorted(map(str, wanted - given))[:3])


@pytest.mark.parametrize(("net", "enc", "mode"), JOINT)
def test_the_commands_of_a_surface_give_its_tiles_their_images_maps_and_seed(net, enc, mode):
    exact(cached.surface_rows(net, enc, mode), provenance.specs(cached.surface_rows(net, enc, mode)))
    spelled = [spec.command for spec in provenance.specs(cached.surface_rows(net, enc, mode))]
    assert spelled == cached.surface_commands(net, enc, mode)


@pytest.mark.parametrize("axis", ["ber", "joint"])
def test_rates_that_were_measured_over_other_numbers_of_maps_have_a_command_for_each(axis):
    rows = ROWS.query("checkpoint == 'signs/resnet20/base' and encoding == 'int8' and axis == @axis")
    rows = rows.query("fault == 'random' and region == 'all' and (axis == 'joint' or n == 250)")
    fewer = rows[(rows["ber"] != 1e-3) | (rows["map"] < 3)]  # as a rule that stops maps leaves it
    assert 0 < len(fewer) < len(rows)
    exact(fewer, provenance.specs(fewer))


def test_tiles_that_were_just_measured_are_in_the_rows_and_commands_too():
    net, enc = "cifar10/vgg16/base", "int8"
    assert not len(ROWS.query("checkpoint == @net and axis == 'joint'"))
    like = ROWS.query("checkpoint == 'signs/resnet20/base' and axis == 'joint' and mode == 'transfer'")
    own = ROWS.query("checkpoint == @net and encoding == @enc").iloc[0]
    same = {name: own[name] for name in ("network", "data", "encoding", "weights", "images")}
    fresh = like.assign(checkpoint=net, **same).to_dict("records")
    rows = cached.surface_rows(net, enc, "transfer", fresh)
    drawn = cached.together(net, enc, "transfer", fresh)
    assert set(zip(rows["ber"], rows["eps"], strict=True)) == set(
        zip(drawn["ber"], drawn["eps"], strict=True)
    )
    assert (rows["axis"] == "joint").any()
    assert any("--mode transfer" in line for line in cached.surface_commands(net, enc, "transfer", fresh))


def test_under_an_attack_alone_a_cell_is_one_row_whatever_fault_model_an_early_file_names():
    rows = ROWS.query("checkpoint == 'signs/resnet20/base' and axis == 'eps'")
    assert set(ROWS.loc[ROWS["axis"] == "eps", "fault"]) == {"none"}
    specs = sweep.specs(["signs/resnet20/base"], ["int8"], usual())
    drawn = cached.stored_curves(specs, "eps").rows
    assert len(rows) == len(drawn) == drawn["eps"].nunique() == 4


@pytest.mark.parametrize("net", sorted(set(ROWS["checkpoint"])))
@pytest.mark.parametrize("axis", ["ber", "eps"])
def test_the_commands_of_the_curves_that_a_sweep_opens_with_give_their_dots(net, axis):
    specs = sweep.specs([net], cached.usual(net), usual())
    rows = cached.stored_curves(specs, axis).rows
    if len(rows):
        exact(rows, provenance.specs(rows))


def usual() -> dict:
    """The settings of the closed box."""
    chosen = sweep.USUAL
    kept = {name: chosen[name] for name in ("fault", "maps", "n", "seed", "attack", "steps")}
    return {**kept, "bers": sweep.BERS["few"], "eps": sweep.EPS["few"]}
