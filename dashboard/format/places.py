"""Places and what is kept there, as sentences."""

from __future__ import annotations

from dashboard.format.encodings import stored_as
from resq.physics import Place
from resq.protect.at_rate import Kept


def rate(place: Place) -> str:
    """The rate of a place with its band."""
    ber = place.ber
    return (
        f"**{place.what}**: bit error rate **{ber.value:.2g}** ({ber.low:.2g} to {ber.high:.2g}), "
        f"fault model `{place.fault}`{place.counted}."
    )


def keeps(net: str, enc: str, accuracy: Kept) -> str:
    """What a network keeps there, with the band of rate, maps and images."""
    low, high = accuracy.between
    return (
        f"`{net}` in `{stored_as(enc)}` keeps **{100 * accuracy.value:.1f} %** "
        f"({100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %, 95 % over the band, maps and images; "
        f"without faults {100 * accuracy.clean:.1f} %), between the measured rates {low:g} and {high:g} "
        f"({accuracy.how})."
    )


def sources(place: Place) -> str:
    """What the rate covers and which quoted constants it is made of."""
    return " ".join([f"Covers: {place.says}.", *(f"• {quoted.citation}" for quoted in place.quoted)])
