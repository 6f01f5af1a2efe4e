"""Physics against published points, its refusals, and what its sources say beside the rates."""

import math

import pytest
from scipy import integrate

from resq.memory import hammer
from resq.physics import Band, exposure, neutrons, orbit, retention, voltage

ONE = Band(1e-3, 1e-3, 1e-3)


def _holds(band: Band, value: float) -> bool:
    return band.low <= value <= band.high


# --- published points -------------------------------------------------------------------------------------


def test_voltage_meets_the_guard_band_and_the_worst_rate_of_its_source():
    assert voltage.sram(0.61).ber.value == 0  # "0.61 V ... any observable fault"
    assert voltage.sram(0.54).rate.value == pytest.approx(6e-4, rel=0.05)  # "0.06 %"
    # The same authors' MICRO 2018 count 652 faults in a Mbit at 0.54 V.
    assert _holds(voltage.sram(0.54).rate, 652 / 2**20)


@pytest.mark.parametrize(
    ("volts", "faults"), [(0.60, 4), (0.59, 24), (0.58, 146), (0.57, 772), (0.56, 2732), (0.55, 7520)]
)
def test_voltage_meets_the_faults_that_were_counted_at_every_hundredth_of_a_volt(volts, faults):
    assert voltage.sram(volts).rate.value * voltage.MEMORY == pytest.approx(faults)
    between = voltage.sram(volts - 0.005).rate.value
    ends = voltage.sram(volts).rate.value, voltage.sram(volts - 0.01).rate.value
    assert between == pytest.approx(math.sqrt(ends[0] * ends[1]))


@pytest.mark.parametrize(
    ("metres", "cutoff", "published"),
    [
        (1609, 2.9, 3.76),  # Denver, JESD89A's table of cities
        (2552, 5.0, 6.2),  # Plateau de Bure, the acceleration factor of ASTEP (Autran et al.)
        (12200, 2.08, 6000 / 13),  # IEC 62396-1: 6,000 per cm2 and hour at 40,000 feet, 45 degrees
    ],
)
def test_the_neutron_flux_at_published_places(metres, cutoff, published):
    found = neutrons.relative(metres, cutoff)
    assert published / neutrons.SPREAD < found < published * neutrons.SPREAD
    if metres < 10000:
        assert found == pytest.approx(published, rel=0.02)


def test_new_york_is_the_unit_and_fit_is_upsets_in_1e9_hours_of_a_mbit():
    assert neutrons.relative(0) == pytest.approx(1, abs=0.003)
    found = neutrons.ground(0, 1000, fit=1000).ber
    assert found.value == pytest.approx(1000 * 1000 / 1e9 / 2**20, rel=0.01)
    assert found.high / found.value == pytest.approx(neutrons.SPREAD, rel=1e-4)


def test_orbits_meet_the_satellites_that_counted():
    day = {km: orbit.earth(km, 1.0).ber for km in (686, 800, 1050, 1425)}
    assert day[686].value == pytest.approx(4.04e-7, rel=1e-5)  # Alsat-1
    assert _holds(day[686], 1e-6)  # the same group four years before
    assert day[1050].value == day[1425].value == pytest.approx(7.63e-7, rel=1e-5)
    assert day[686].value < day[800].value < day[1050].value
    assert orbit.moon(1.0).ber.value * 2.1e9 == pytest.approx(71, rel=1e-5)


def test_retention_meets_the_counts_of_its_sources():
    assert retention.warm(45).rate.value * 2 * 2**33 == pytest.approx(2464)
    ten = retention.warm(55).rate  # "roughly tenfold for ten degrees"
    assert _holds(ten, 10 * retention.warm(45).rate.value)
    assert retention.slow(128).rate.value * 32 * 2**33 == pytest.approx(30)
    assert retention.slow(256).rate.value * 32 * 2**33 == pytest.approx(1000)


def test_hammered_bits_fall_where_networks_in_half_precision_were_ruined_and_where_not():
    ruined = [flip for flip in hammer.SEEN if flip.name in ("D1", "D3")]
    harmless = [flip for flip in hammer.SEEN if flip.name in ("B1", "B2")]
    assert [flip.plane(16) for flip in ruined] == [14, 14]  # the top exponent bit
    assert all(flip.plane(16) < 8 for flip in harmless)
    assert {flip.plane(8) for flip in hammer.SEEN} == {0, 4, 6, 7}
    assert sum(hammer.places(8).values()) == len(hammer.SEEN) == 8


# --- time -------------------------------------------------------------------------------------------------


def test_without_scrubbing_a_bit_is_wrong_where_it_was_struck_an_odd_number_of_times():
    time, rate = 500.0, 1e-3
    odd = sum(math.exp(-rate * time) * (rate * time) ** k / math.factorial(k) for k in range(1, 40, 2))
    assert exposure.wrong(ONE, time).value == pytest.approx(odd)


def test_with_scrubbing_it_is_the_mean_over_the_interval():
    mean = integrate.quad(lambda t: -math.expm1(-2e-3 * t) / 2, 0, 50)[0] / 50
    assert exposure.wrong(ONE, 5000, scrub=50).value == pytest.approx(mean)
    assert exposure.wrong(ONE, 40, scrub=50).value == exposure.wrong(ONE, 40).value


def test_ten_years_scrubbed_once_a_day_leave_half_of_what_a_day_brings():
    day = orbit.earth(686, 1).ber.value
    assert orbit.earth(686, 3650, scrub=1).ber.value == pytest.approx(day / 2, rel=1e-4)


@pytest.mark.parametrize(
    ("place", "unit"),
    [(orbit.earth, "days"), (lambda *of: neutrons.ground(12200, *of[1:]), "h"),
     (lambda *of: orbit.moon(*of[1:]), "days")],
)  # fmt: skip
@pytest.mark.parametrize("scrub", [10, 400])
def test_a_scrub_that_does_not_come_in_time_is_called_no_mean(place, unit, scrub):
    """It was, with twice the mean."""
    never, often, none = (place(700, 10, interval) for interval in (scrub, 9.999999, 0))
    assert never.ber == none.ber
    assert f"with scrubs every {scrub} {unit} never scrubbed within it (at its end)" in never.what
    assert "mean" not in never.what
    assert "(the mean between two scrubs)" in often.what
    assert often.ber.value == pytest.approx(never.ber.value / 2, rel=1e-3)
    assert "scrub" not in none.what


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: voltage.sram(0.5), "supply voltage must lie in 0.54..1 V, got 0.5"),
        (lambda: voltage.sram(1.2), "got 1.2"),
        (lambda: neutrons.ground(20_000, 1), r"altitude must lie in 0..12500 m, got 20000"),
        (lambda: neutrons.ground(0, 1, cutoff=30), "cutoff rigidity must lie in 0.1..17 GV, got 30"),
        (lambda: neutrons.ground(0, 1, fit=0), "FIT/Mbit must lie in"),
        (lambda: orbit.earth(500, 1), r"altitude must lie in 686..1425 km, got 500: the counted orbits"),
        (lambda: orbit.earth(686, -1), "time must lie in 0..inf"),
        (lambda: retention.warm(85), r"temperature must lie in 40..55 .C, got 85"),
        (lambda: retention.slow(64), "refresh interval must lie in 128..256 ms, got 64"),
        (lambda: retention.warm(math.nan), "got nan"),
    ],
)
def test_beyond_what_a_source_measured_is_refused_with_what_came_and_what_it_covers(ask, said):
    with pytest.raises(ValueError, match=said):
        ask()


@pytest.mark.parametrize(
    "place",
    [voltage.sram(0.55), neutrons.ground(1000, 10), orbit.earth(700, 1), orbit.moon(1), retention.warm(50),
     retention.slow(200)],
    ids=lambda place: place.what,
)  # fmt: skip
def test_every_place_says_its_band_its_sources_and_what_it_leaves_out(place):
    assert 0 < place.ber.low < place.ber.value < place.ber.high < 0.5
    assert place.says
    for quoted in place.quoted:
        assert "quoted" in quoted.citation
        assert quoted.source in quoted.citation
