"""DRAM that is refreshed too seldom or too hot: cells that lose their charge.

Sources: Patel, Kim and Mutlu, "The reach profiler (REAPER)", ISCA 2017: at 45 degrees and an interval of
1,024 ms 2,464 cells of 2 GiB of LPDDR4 fail, and the rate grows with temperature as exp(0.22 T), exp(0.20
T) and exp(0.26 T) for three makers, measured between 40 and 55 degrees. Liu et al., "RAIDR", ISCA 2012,
after Kim and Lee 2009: of the cells of 32 GiB about 30 must be refreshed within 128 ms and about 1,000
within 256 ms, at 85 degrees. The two are other chips at other temperatures, and nothing here joins them.

Both count cells, whatever is stored in them. Of the bits stored there only those are wrong whose failing cell
was charged.
"""

from __future__ import annotations

import math

from resq.physics.values import Band, Place, Quoted, falling, within

CELLS = Quoted(Band(2464, 2464, 2464), "failing cells of 2 GiB of LPDDR4 at 1,024 ms, 45 °C",
               "Patel et al. (REAPER), ISCA 2017", False)  # fmt: skip
WARMER = Quoted(Band(0.20, 0.22, 0.26), "per °C, growth of the logarithm of the rate, three makers",
                "Patel et al. (REAPER), ISCA 2017", False)  # fmt: skip
SOONER = Quoted(Band(30, 30, 30), "cells of 32 GiB that need a refresh within 128 ms, 85 °C",
                "Liu et al. (RAIDR), ISCA 2012", False)  # fmt: skip
LATER = Quoted(Band(1000, 1000, 1000), "cells of 32 GiB that need a refresh within 256 ms, 85 °C",
               "Liu et al. (RAIDR), ISCA 2012", False)  # fmt: skip
GIB = 8 * 2**30  # bits
SAYS = (
    "mostly the same cells fail each time; they lose their charge: in true cells, which all are taken to be, "
    "ones become zeros"
)


def warm(celsius: float) -> Place:
    """Cells of LPDDR4 that fail at a refresh interval of 1,024 ms, 40..55 degrees.

    Raises:
        ValueError: another temperature.

    >>> f"{warm(45).rate.value:.2e}", f"{warm(45).ber.value:.2e}"
    ('1.43e-07', '7.17e-08')
    >>> round(warm(55).rate.value / warm(45).rate.value, 1)
    9.0
    """
    within("temperature", celsius, 40, 55, "°C", "the source measured between these")
    base, more = CELLS.band.value / (2 * GIB), celsius - 45
    growth = (WARMER.band.low, WARMER.band.value, WARMER.band.high)
    band = Band(*sorted(base * math.exp(k * more) for k in growth))
    return falling(f"LPDDR4 at 1,024 ms, {celsius:g} °C", band, (CELLS, WARMER), SAYS)


def slow(milliseconds: float) -> Place:
    """Cells of DDR3 that fail at a refresh interval of 128..256 ms and 85 degrees.

    Raises:
        ValueError: another interval.

    >>> f"{slow(256).rate.value:.1e}", f"{slow(256).ber.value:.1e}"
    ('3.6e-09', '1.8e-09')
    """
    within("refresh interval", milliseconds, 128, 256, "ms", "the source says it of these two")
    share = math.log(milliseconds / 128) / math.log(2)
    cells = SOONER.band.value ** (1 - share) * LATER.band.value**share
    spread = 1 + 2 / math.sqrt(SOONER.band.value)  # two standard deviations of the smaller count
    value = cells / (32 * GIB)
    band = Band(value / spread, value, value * spread)
    return falling(f"DDR3 at {milliseconds:g} ms, 85 °C", band, (SOONER, LATER), SAYS)
