"""``sweep --joint``: accuracy over bit error rate and attack budget at once, transferred or adaptive."""

from __future__ import annotations

import argparse

from resq.measure.specs.sweep_spec import MODES

MAPS = 5
JOINT = (
    "faults and attack at once, in both modes, over BER 0,1e-3,1e-2 and eps 0,2,4,8 on 5 maps where nothing "
    "else is said"
)


def add(parser: argparse.ArgumentParser) -> None:
    """The option that asks for both axes."""
    parser.add_argument("--joint", action="store_true", help=JOINT)


def fill(arguments: argparse.Namespace) -> None:
    """Both axes and both modes, where the options name none."""
    arguments.ber = arguments.ber or (0.0, 1e-3, 1e-2)
    arguments.eps = arguments.eps or (0.0, 2.0, 4.0, 8.0)
    arguments.mode = arguments.mode or MODES
    arguments.maps = MAPS if arguments.maps is None else arguments.maps
