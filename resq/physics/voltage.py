"""Supply voltage of on-chip SRAM: block RAM of a 28 nm FPGA below its guard band.

Source: Salami, Unsal and Cristal, "Fault characterization through FPGA undervolting", FPL 2018: of a
nominal 1 V, 0.61 V is the lowest without an observable fault; below it the rate of faults "exponentially
increases to 0.06 %". The chip stops at 0.54 V (the same authors, MICRO 2018, board VC707). Between the two
ends the rate is an exponential of the voltage, as they say. How it begins is not published: taken is one
fault among the 37 Mbit of the chip at 0.61 V, within a band from a tenth of one to three.
"""

from __future__ import annotations

import math

from resq.physics.values import Band, Place, Quoted, within

NOMINAL, SAFE, CRASH = 1.0, 0.61, 0.54  # V
WORST = Quoted(Band(5.5e-4, 6e-4, 6.5e-4), "of all bits at the lowest working voltage",
               "Salami et al., FPL 2018, abstract: 0.06 % (the band is its rounding)", True)  # fmt: skip
LEAST = Quoted(Band(0.61, 0.61, 0.61), "V, the lowest without an observable fault",
               "Salami et al., FPL 2018, abstract", True)  # fmt: skip
STOPS = Quoted(Band(0.54, 0.54, 0.54), "V, where the chip stops", "Salami et al., MICRO 2018 (VC707)", False)
MEMORY = 1030 * 36 * 1024  # bits of block RAM of the XC7VX485T on the VC707


def sram(volts: float) -> Place:
    """The rate at which bits of the block RAM are read wrong at a supply voltage, 0.54..1 V.

    Raises:
        ValueError: beyond what was measured.

    >>> sram(0.7).ber.value, round(sram(0.54).ber.value, 6)
    (0.0, 0.0006)
    """
    why = "the measured chip stops below and is rated for no more"
    within("supply voltage", volts, CRASH, NOMINAL, "V", why)
    says = (
        "block RAM of one FPGA in 28 nm at room temperature; the same cells fail at every read, and another "
        "chip has others, and more or fewer of them"
    )
    if volts >= SAFE:
        # No fault was seen: at most the three in 37 Mbit that would have been seen with 95 % probability.
        return Place(f"{volts:g} V", Band(0.0, 0.0, 3 / MEMORY), (LEAST,), says)
    share = (SAFE - volts) / (SAFE - CRASH)
    first = Band(0.1 / MEMORY, 1 / MEMORY, 3 / MEMORY)
    last = WORST.band
    ends = ((first.low, last.low), (first.value, last.value), (first.high, last.high))
    band = Band(*(math.exp((1 - share) * math.log(a) + share * math.log(b)) for a, b in ends))
    return Place(f"{volts:g} V", band, (WORST, LEAST, STOPS), says)
