"""From a place to a bit error rate: supply voltage, altitude, orbit, retention; quoted constants, bands.

Every constant is a ``Quoted`` with its source and says whether its text was at hand when it was written
down. No model reaches beyond what its source measured: it refuses, with what came and what it covers. Left
out, for want of a source that could be read: SRAM curves of bare chips, shielding by thickness, orbits
below 686 km, retention between the two conditions here, on-die ECC.
"""

from resq.physics.values import Band, Place, Quoted

__all__ = ["Band", "Place", "Quoted"]
