"""Accuracy between measured rates: what rows say, what not, and the band of a rate carried through."""

import json

import numpy as np
import pandas as pd
import pytest

from resq import cli
from resq.measure.analysis import choose, stats
from resq.measure.store import table
from resq.physics import places
from resq.protect import at_rate

NET = "signs/resnet20/base"


@pytest.fixture(scope="module")
def rows():
    shipped = table.shipped()
    return shipped[(shipped["checkpoint"] == NET) & (shipped["encoding"] == "int8")]


def _line(rows, rate):
    plain = rows[(rows["axis"] == "ber") & rows["fault"].isin(["none", "random"]) & (rows["region"] == "all")]
    lines = choose.speaking(stats.curve(plain))
    return lines[lines["x"] == rate].iloc[0]


def test_at_a_measured_rate_it_is_what_was_measured(rows):
    line, found = _line(rows, 1e-2), at_rate.accuracy(rows, 1e-2, 1e-2, 1e-2)
    assert (found.low, found.value, found.high) == pytest.approx((line["low"], line["mean"], line["high"]))


def test_between_two_it_lies_between_and_a_wider_band_of_rates_gives_a_wider_band(rows):
    found = at_rate.accuracy(rows, np.sqrt(2) * 1e-2, np.sqrt(2) * 1e-2, np.sqrt(2) * 1e-2)
    plain = rows[(rows["axis"] == "ber") & (rows["fault"] == "random") & (rows["region"] == "all")]
    lines = stats.curve(plain).query("x in (0.01, 0.02)").groupby(["n", "maps", "top"])["mean"]
    assert found.value in [
        pytest.approx(ends.mean()) for _, ends in lines if len(ends) == 2
    ]  # of one set of maps
    assert found.between == (1e-2, 2e-2)
    wide = at_rate.accuracy(rows, 5e-3, np.sqrt(2) * 1e-2, 5e-2)
    assert wide.low < found.low < found.high < wide.high
    assert wide.low < wide.value < wide.high


def test_below_the_smallest_rate_it_lies_between_that_and_no_faults(rows):
    found = at_rate.accuracy(rows, 1e-9, 1e-9, 1e-9)
    assert found.between[0] == 0
    assert found.value == pytest.approx(found.clean, abs=1e-3)


def test_beyond_the_largest_rate_and_without_rows_nothing_is_said(rows):
    with pytest.raises(ValueError, match=r"rates up to 0.1 are measured, and 0.3 is asked for"):
        at_rate.accuracy(rows, 0.1, 0.2, 0.3)
    with pytest.raises(ValueError, match="no rows of random faults in all words"):
        at_rate.accuracy(rows[rows["ber"] == 0], 0.1, 0.2, 0.3)
    with pytest.raises(ValueError, match="no rows of random faults in all words"):
        at_rate.accuracy(rows.iloc[:0], 0.1, 0.2, 0.3)


def test_the_command_goes_from_an_orbit_to_an_accuracy(capsys):
    asked = ["ber", "orbit", "686", "--days", "3650", "--scrub", "1", "--network", NET]
    assert cli.main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ber"]["low"] < found["ber"]["value"] < found["ber"]["high"] < 1e-6
    assert 0.9 < found["kept"]["low"] <= found["kept"]["value"] <= found["kept"]["high"]
    assert cli.main(asked) == 0
    said = capsys.readouterr().out
    assert (
        "686 km, polar orbit, for 3650 days, scrubbed every day (the mean between two scrubs): "
        "bit error rate 2e-07" in said
    )
    assert "[quoted]" in said
    assert f"{NET} in int8 keeps 98.80 %" in said


def test_the_command_refuses_with_one_sentence(capsys):
    for words, said in (
        (["ber", "orbit", "500"], "altitude must lie in 686..1425 km, got 500"),
        (["ber", "voltage"], "voltage wants a number in V, such as python -m resq ber voltage 0.56"),
        (["ber", "voltage", "0.54", "--network", NET, "--encoding", "int3"], "no rows of random faults"),
    ):
        assert cli.main(words) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("kind", places.PLACES)
def test_a_place_is_spelled_and_read_and_its_usual_number_is_covered(kind):
    asked = places.Asked(kind, places.PLACES[kind].usual, days=10, scrub=2)
    assert places.parsed(places.spelled(asked)) == asked
    assert 0 < asked.place().ber.value < 0.1


@pytest.mark.parametrize("text", ["orbit_686_days", "orbit_x", "orbit_686_miles_3", "mars"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match=r"a place is such as|no place"):
        places.parsed(text)


def test_rows_of_a_file_with_two_inputs_or_data_sets_are_two_curves_and_the_one_that_speaks_is_named(rows):
    own = rows[(rows["axis"] == "ber") & rows["fault"].isin(["none", "random"]) & (rows["region"] == "all")]
    right = own.assign(checkpoint="net@12345678.onnx", inputs="range 0,1")
    wrong = right.assign(inputs="range -1,1", correct=(right["n"] // 16).astype(int))
    shorter = wrong[wrong["ber"] < wrong["ber"].max()]
    for other in (
        shorter,
        wrong,
    ):  # the longer speaks, and of as long ones that which is right without faults
        found = at_rate.accuracy(pd.concat([other, right]), 1e-2, 1e-2, 1e-2)
        assert found == at_rate.accuracy(right, 1e-2, 1e-2, 1e-2)
        assert found.how.endswith(", input range 0,1")
        assert found.clean > 0.9
