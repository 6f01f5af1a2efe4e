"""Which bit error rate a place has (voltage, altitude, orbit, retention), and what a network keeps there."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import pandas as pd

from resq import checkpoints
from resq.cli import options
from resq.core.errors import ResqError
from resq.measure.store import database, rows_by_key, table
from resq.physics import Place
from resq.physics.places import PLACES, Asked
from resq.protect import at_rate


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    spans = {name: f" ({k.low:g}..{k.high:g} {k.unit})" if k.unit else "" for name, k in PLACES.items()}
    known = [f"{name}, {k.about}{spans[name]}" for name, k in PLACES.items()]
    parser.add_argument("place", choices=PLACES, help="; ".join(known))
    parser.add_argument(
        "at", nargs="?", type=float, help="volts, metres, kilometres, degrees or milliseconds"
    )
    _add_time(parser)
    parser.add_argument(
        "--network", default="", help="a checkpoint whose stored rows say what it keeps there"
    )
    parser.add_argument("--encoding", default="", help="how it is stored (default: its own)")


def _add_time(parser: argparse.ArgumentParser) -> None:
    wanted = {
        "days": "how long the memory holds its words (default 365)",
        "scrub": "days between two scrubs, which write all words anew (default: none)",
        "fit": "altitude: upsets of 2^20 bits in 10^9 hours at sea level in New York (default 1300)",
        "cutoff": "altitude: geomagnetic cutoff rigidity in GV (default 2.08, New York)",
    }
    for name, about in wanted.items():
        parser.add_argument(f"--{name}", type=float, default=getattr(Asked, name), help=about)


def run(arguments: argparse.Namespace) -> None:
    """Prints the rate with its band and sources."""
    place_spec = _place_spec(arguments)
    place, accuracy = place_spec.place(), None
    if arguments.network:
        encoding = arguments.encoding or checkpoints.default_encoding(arguments.network)
        accuracy = keeps(arguments.network, encoding, place)
    if arguments.json:
        print(options.dump(_report(place, accuracy)))
        return
    print(text(place))
    if accuracy:
        print(f"\n{arguments.network} in {encoding} keeps {sentence(accuracy)}")


def _place_spec(arguments: argparse.Namespace) -> Asked:
    kind = PLACES[arguments.place]
    if kind.unit and arguments.at is None:
        example = f"python -m resq ber {arguments.place} {kind.usual:g}"
        raise ResqError(f"{arguments.place} wants a number in {kind.unit}, such as {example}")
    fields = ("days", "scrub", "fit", "cutoff")
    return Asked(arguments.place, arguments.at or 0.0, **{name: getattr(arguments, name) for name in fields})


def keeps(network: str, encoding: str, place: Place) -> at_rate.Kept:
    """What the rows that are stored say of a network at this place.

    Raises:
        ValueError: nothing measured, or only up to smaller rates.
    """
    rows = table.shipped()
    rows = rows[(rows["checkpoint"] == network) & (rows["encoding"] == encoding)]
    if database.there():
        own = rows_by_key.rows(checkpoint=network, encoding=encoding)
        rows = table.drop_repeated(pd.concat([rows, own], ignore_index=True))
    return at_rate.accuracy(rows, place.ber.low, place.ber.value, place.ber.high)


def _report(place: Place, accuracy: at_rate.Kept | None) -> dict[str, Any]:
    report = {**asdict(place), "quoted": [quoted.citation for quoted in place.quoted]}
    return {**report, "kept": asdict(accuracy)} if accuracy else report


def text(place: Place) -> str:
    """A place for people."""
    ber = place.ber
    rate = f"{ber.value:.2g} ({ber.low:.2g} to {ber.high:.2g})"
    lines = [
        f"{place.what}: bit error rate {rate}, fault model {place.fault}{place.counted}",
        f"covers: {place.says}",
        *(f"- {quoted.citation}" for quoted in place.quoted),
    ]
    return "\n".join(lines)


def sentence(accuracy: at_rate.Kept) -> str:
    """Accuracy for people."""
    return (
        f"{options.percent(accuracy.value)} (95 % over the band, maps and images: "
        f"{options.span(accuracy.low, accuracy.high)}; without faults "
        f"{options.percent(accuracy.clean)}), interpolated between the measured rates "
        f"{accuracy.between[0]:g} and {accuracy.between[1]:g} ({accuracy.how})"
    )
