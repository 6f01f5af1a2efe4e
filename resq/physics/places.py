"""The places there are, by name: what number each is asked by, and the rate that it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from resq.core import lookup
from resq.core.errors import ResqError
from resq.physics import neutrons, orbit, retention, voltage
from resq.physics.values import Place


@dataclass(frozen=True)
class Asked:
    """A place and a time.

    Attributes:
        at: volts, metres, kilometres, degrees or milliseconds, as the place says.
        days: how long the memory holds its words; scrub: days between two scrubs, 0 for none.
        fit: upsets of 2^20 bits in 10^9 hours at sea level; cutoff: geomagnetic cutoff rigidity in GV.
    """

    kind: str
    at: float = 0.0
    days: float = 365.0
    scrub: float = 0.0
    fit: float = neutrons.SENSITIVE.band.value
    cutoff: float = neutrons.NEW_YORK

    def place(self) -> Place:
        """The rate there.

        Raises:
            ValueError: no such place, or beyond what its source measured.
        """
        return lookup("place", self.kind, PLACES).rate(self)


@dataclass(frozen=True)
class Kind:
    """One kind of place.

    Attributes:
        about: what it is, for people; unit: of the number it is asked by; "" where it needs none.
        low, usual, high: what that number may be, and an example.
        lasts: whether time and scrubbing matter.
    """

    about: str
    unit: str
    low: float
    usual: float
    high: float
    lasts: bool
    rate: Callable[[Asked], Place]


PLACES: dict[str, Kind] = {
    "voltage": Kind("supply voltage of on-chip SRAM", "V", voltage.CRASH, 0.56, voltage.NOMINAL, False,
                    lambda a: voltage.sram(a.at)),
    "altitude": Kind("on the ground and in the air", "m", 0, 12_200, 12_500, True,
                     lambda a: neutrons.ground(a.at, 24 * a.days, 24 * a.scrub, a.fit, a.cutoff)),
    "orbit": Kind("polar orbit of the Earth", "km", orbit.LOW, 686, orbit.HIGH, True,
                  lambda a: orbit.earth(a.at, a.days, a.scrub)),
    "moon": Kind("around the Moon", "", 0, 0, 0, True, lambda a: orbit.moon(a.days, a.scrub)),
    "warm-dram": Kind("LPDDR4 refreshed every 1,024 ms", "°C", 40, 45, 55, False,
                      lambda a: retention.warm(a.at)),
    "slow-dram": Kind("DDR3 at 85 °C, refreshed late", "ms", 128, 256, 256, False,
                      lambda a: retention.slow(a.at)),
}  # fmt: skip


def spelled(place: Asked) -> str:
    """A place as one word for an address: its parts, defaults left out.

    >>> spelled(Asked("orbit", 686, days=3650, scrub=1))
    'orbit_686_days_3650_scrub_1'
    """
    parts = [place.kind, *([f"{place.at:g}"] if PLACES[place.kind].unit else [])]
    for name in ("days", "scrub", "fit", "cutoff"):
        value = getattr(place, name)
        if value != getattr(Asked, name):
            parts += [name, f"{value:g}"]
    return "_".join(parts)


def parsed(text: str) -> Asked:
    """The place of such a word.

    Raises:
        ValueError: no such place, or a part that is no number.

    >>> parsed("orbit_686_days_3650_scrub_1")
    Asked(kind='orbit', at=686.0, days=3650.0, scrub=1.0, fit=1300, cutoff=2.08)
    """
    kind, *rest = text.split("_")
    entry = lookup("place", kind, PLACES)
    at = rest.pop(0) if entry.unit and rest else "0"
    try:
        more = {name: float(value) for name, value in zip(rest[::2], rest[1::2], strict=True)}
        return Asked(kind, float(at), **more)
    except (TypeError, ValueError):
        raise ResqError(f"a place is such as orbit_686_days_3650_scrub_1, got {text!r:.60}") from None
