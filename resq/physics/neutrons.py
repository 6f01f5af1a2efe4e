"""Cosmic-ray neutrons in the atmosphere: how often a bit flips on the ground, on a mountain, in an aircraft.

Source: JEDEC JESD89A, annex A, after Gordon et al., IEEE TNS 51(6), 2004. The flux above 10 MeV in New York
at sea level is 13 per cm2 and hour; elsewhere it is that times exp((1033.2 - d) / 131.3), with d the depth
of the atmosphere above in g/cm2, times a factor of the geomagnetic cutoff R in GV and the pressure h in
bar, 1.098 (1 - exp(-a / R^k)) with a = exp(1.84 + 0.094 h - 0.09 exp(-11 h)) and k = 1.4 - 0.56 h + 0.24
exp(-8.8 h) (quiet sun), over its value in New York. Pressure follows from altitude by the standard
atmosphere (ISO 2533).
"""

from __future__ import annotations

import math

from resq.physics.exposure import scrubbed, wrong
from resq.physics.values import Band, Place, Quoted, within

FLUX = Quoted(Band(13, 13, 13), "neutrons above 10 MeV per cm2 and hour, New York",
              "JEDEC JESD89A, annex A", False)  # fmt: skip
LENGTH = Quoted(Band(131.3, 131.3, 131.3), "g/cm2, attenuation length", "Gordon et al., IEEE TNS 2004", False)
SENSITIVE = Quoted(Band(1300, 1300, 1300), "FIT/Mbit, raw, at sea level in New York",
                   "Neale and Sachdev, CICC 2014, abstract: raw rate of its 28 nm SRAM", True)  # fmt: skip
NEW_YORK, SEA, GRAVITY = 2.08, 1033.2, 9.80665  # GV; g/cm2; m/s2
SPREAD = 1.3  # the parametrisation against what was measured at flight altitudes, see tests
MBIT = 2**20


def pressure(metres: float) -> float:
    """Of the standard atmosphere, in bar; up to 20 km.

    >>> round(pressure(0), 4), round(pressure(1609), 3), round(pressure(12200), 3)
    (1.0132, 0.834, 0.187)
    """
    if metres <= 11000:
        return 1.01325 * (1 - 0.0065 * metres / 288.15) ** 5.25588
    return 0.226321 * math.exp(-GRAVITY * (metres - 11000) / (287.053 * 216.65))


def relative(metres: float, cutoff: float = NEW_YORK) -> float:
    """Flux over that in New York at sea level.

    Args:
        metres: above the sea, 0..12,500.
        cutoff: vertical geomagnetic cutoff rigidity in GV, 0.1 (poles) .. 17 (equator).

    Raises:
        ValueError: beyond these.

    >>> round(relative(0), 2), round(relative(1609, 2.9), 1)
    (1.0, 3.8)
    """
    within("altitude", metres, 0, 12_500, "m", "the parametrisation was fitted to the ground and to aircraft")
    within("cutoff rigidity", cutoff, 0.1, 17, "GV", "that is the range of the Earth's field")
    bar = pressure(metres)
    depth = bar * 1e5 / GRAVITY / 10  # kg/m2 are tenths of g/cm2
    rise = math.exp((SEA - depth) / LENGTH.band.value)
    return rise * _field(cutoff, bar) / _field(NEW_YORK, pressure(0))


def _field(cutoff: float, bar: float) -> float:
    a = math.exp(1.84 + 0.094 * bar - 0.09 * math.exp(-11 * bar))
    k = 1.4 - 0.56 * bar + 0.24 * math.exp(-8.8 * bar)
    return 1.098 * (1 - math.exp(-a * cutoff**-k))


def ground(
    metres: float,
    hours: float,
    scrub: float = 0.0,
    fit: float = SENSITIVE.band.value,
    cutoff: float = NEW_YORK,
) -> Place:
    """The share of bits that are wrong after so many hours at an altitude.

    Args:
        scrub: hours after which all bits are written anew; 0, or as long as all: never.
        fit: upsets in 10^9 hours of 2^20 bits at sea level in New York.

    Raises:
        ValueError: beyond what is covered.

    >>> f"{ground(12200, 8760).ber.value:.1e}"
    '6.2e-06'
    """
    within("FIT/Mbit", fit, 1e-3, 1e6, "FIT/Mbit", "no memory lies beyond")
    rate = fit / 1e9 / MBIT * relative(metres, cutoff)  # per bit and hour
    band = Band(rate / SPREAD, rate, rate * SPREAD)
    own = (SENSITIVE,) if fit == SENSITIVE.band.value else ()
    says = (
        "neutrons above 10 MeV under a quiet sun; neither thermal neutrons, alpha particles of the package "
        "nor solar storms. The band, a factor of 1.3, is that of the flux; another memory is another --fit"
    )
    what = scrubbed(f"{metres:g} m above the sea for {hours:g} h", hours, scrub, "h")
    return Place(what, wrong(band, hours, scrub), (FLUX, LENGTH, *own), says)
