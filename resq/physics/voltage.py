"""Supply voltage of on-chip SRAM: block RAM of a 28 nm FPGA below its guard band.

Source: Salami, Unsal and Cristal, "Fault characterization through FPGA undervolting", FPL 2018: of a
nominal 1 V, 0.61 V is the lowest without an observable fault; below it the rate of faults "exponentially
increases to 0.06 %". The chip stops at 0.54 V (the same authors, MICRO 2018, board VC707). How many faults
there are at each hundredth of a volt is in the data that they published with it: 4 at 0.60 V, 23,706 at
0.54 V, which is 0.062 % of all bits. The memory was full of ones, "any '0' represents a 1-to-0 bit-flip":
what is counted are cells that are read as 0, and of the bits stored there only ones are wrong. Between two
voltages the rate is an exponential of the voltage. How it begins is not published: taken is one fault at
0.61 V, within a band from a tenth of one to three.
"""

from __future__ import annotations

import math

from resq.physics.values import Band, Place, Quoted, falling, within

NOMINAL, SAFE, CRASH = 1.0, 0.61, 0.54  # V
DATA = "Salami et al., MICRO 2018, github.com/behzadsalami/FPGA-BRAMs-Undervoltig-Study, VC707"
COUNTED = {0.60: 4, 0.59: 24, 0.58: 146, 0.57: 772, 0.56: 2732, 0.55: 7520, 0.54: 23706}
LEAST = Quoted(Band(0.61, 0.61, 0.61), "V, the lowest without an observable fault",
               "Salami et al., FPL 2018, abstract", True)  # fmt: skip
STOPS = Quoted(Band(0.54, 0.54, 0.54), "V, where the chip stops", DATA, True)
MEMORY = 1030 * 36 * 1024  # bits of block RAM of the XC7VX485T on the VC707
FIRST = Band(0.1, 1, 3)  # faults of it at 0.61 V


def sram(volts: float) -> Place:
    """Cells of the block RAM that are read as 0 at a supply voltage, 0.54..1 V.

    Raises:
        ValueError: beyond what was measured.

    >>> sram(0.7).ber.value, round(sram(0.54).rate.value, 6), round(sram(0.54).ber.value, 6)
    (0.0, 0.000624, 0.000312)
    """
    why = "the measured chip stops below and is rated for no more"
    within("supply voltage", volts, CRASH, NOMINAL, "V", why)
    says = (
        "block RAM of one FPGA in 28 nm at room temperature; the same cells fail at every read, and another "
        "chip has others, and more or fewer of them"
    )
    if volts >= SAFE:
        # No fault was seen: at most the three in 37 Mbit that would have been seen with 95 % probability.
        return falling(f"{volts:g} V", Band(0.0, 0.0, 3 / MEMORY), (LEAST,), says)
    above = min(v for v in (SAFE, *COUNTED) if v > volts)
    below = max(v for v in COUNTED if v <= volts)
    share, first, last = (above - volts) / (above - below), _faults(above), _faults(below)
    ends = ((first.low, last.low), (first.value, last.value), (first.high, last.high))
    cells = Band(*(a ** (1 - share) * b**share / MEMORY for a, b in ends))
    quoted = [_count(v) for v in (above, below) if v in COUNTED and (v == below or share < 1)]
    return falling(f"{volts:g} V", cells, (*quoted, LEAST, STOPS), says)


def _faults(volts: float) -> Band:
    """Faults of the whole memory at a voltage of the source, within two standard deviations of the count."""
    if volts not in COUNTED:
        return FIRST
    count, spread = COUNTED[volts], 1 + 2 / math.sqrt(COUNTED[volts])
    return Band(count / spread, count, count * spread)


def _count(volts: float) -> Quoted:
    unit = f"faults of {MEMORY:,} bits, all ones, at {volts:g} V"
    return Quoted(Band(COUNTED[volts], COUNTED[volts], COUNTED[volts]), unit, DATA, True)
