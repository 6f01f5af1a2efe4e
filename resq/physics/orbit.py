"""Upsets of commercial memories in orbit, as satellites counted them.

Sources: Bentoutou, "A review of in-orbit observations of radiation-induced effects in commercial memories
onboard Alsat-1" (eight years, 4.04e-7 per bit and day; the same group in 2008: one in a million bits a
day), Alsat-1 in its sun-synchronous orbit at 686 km; "Spacecraft Environment Engineering" 2021, doi
10.12126/see.2021.05.002 (two satellites in polar orbits of 1,050 to 1,425 km, SRAM, seven months: 7.63e-7
per bit and day); Garrett et al., J. Spacecraft and Rockets 1995 (Clementine, about 71 flips a day in a
recorder of 2.1 Gbit on the way to the Moon and around it). Between 686 and 1,050 km the logarithm of the
rate is interpolated in altitude.
"""

from __future__ import annotations

import math

from resq.physics.exposure import scrubbed, wrong
from resq.physics.values import Band, Place, Quoted, within

ALSAT = Quoted(Band(4.04e-7, 4.04e-7, 1e-6), "upsets per bit and day at 686 km, commercial SRAM",
               "Bentoutou, Alsat-1, eight years; the same group's 2008 abstract says 1e-6", True)  # fmt: skip
INTERNET = Quoted(Band(7.63e-7, 7.63e-7, 7.63e-7), "upsets per bit and day, polar, 1,050 to 1,425 km, SRAM",
                  "doi 10.12126/see.2021.05.002, abstract", True)  # fmt: skip
MOON = Quoted(Band(71 / 2.1e9, 71 / 2.1e9, 71 / 2.1e9), "upsets per bit and day, Clementine's recorder",
              "Garrett et al. 1995, abstract: about 71 flips a day in 2.1 Gbit", True)  # fmt: skip
LOW, POLAR, HIGH = 686.0, 1050.0, 1425.0  # km
DEVICES = 3.0  # assumed between kinds of memory; the two figures of one satellite differ by 2.5


def earth(kilometres: float, days: float, scrub: float = 0.0) -> Place:
    """The share of wrong bits after so many days in a polar orbit at an altitude of 686..1,425 km.

    Args:
        scrub: days between two scrubs; 0, or as long as all: none.

    Raises:
        ValueError: an altitude between which no satellite here counted.

    >>> f"{earth(686, 3650).ber.value:.2e}", f"{earth(686, 3650, scrub=1).ber.value:.2e}"
    ('1.47e-03', '2.02e-07')
    """
    why = (
        "the counted orbits lie there; below them less is trapped, but no source here says how much less: "
        "686 km is an upper bound of it"
    )
    within("altitude", kilometres, LOW, HIGH, "km", why)
    share = min(1.0, (kilometres - LOW) / (POLAR - LOW))
    value = math.exp((1 - share) * math.log(ALSAT.band.value) + share * math.log(INTERNET.band.value))
    rate = Band(value / DEVICES, value, value * DEVICES)
    what = f"{kilometres:g} km, polar orbit, for {days:g} days"
    says = (
        "commercial SRAM behind the walls of small satellites, averaged over months; the band, a factor of "
        "three for other memories, is assumed; solar storms come on top, shielding is as it was flown"
    )
    return Place(scrubbed(what, days, scrub, "days"), wrong(rate, days, scrub), (ALSAT, INTERNET), says)


def moon(days: float, scrub: float = 0.0) -> Place:
    """The share of wrong bits after so many days outside the belts, as Clementine's recorder counted them."""
    value = MOON.band.value
    says = (
        "one recorder of dynamic memory in 1994, galactic cosmic rays alone, its own shielding; the band, a "
        "factor of three for other memories, is assumed"
    )
    rate = Band(value / DEVICES, value, value * DEVICES)
    what = scrubbed(f"around the Moon for {days:g} days", days, scrub, "days")
    return Place(what, wrong(rate, days, scrub), (MOON,), says)
