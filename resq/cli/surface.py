"""Accuracy over bit error rate and attack budget at once, the attack transferred or adapted to the faults."""

from __future__ import annotations

import argparse

from resq.cli import sweep
from resq.measure.specs.sweep_spec import MODES

DEFAULTS = {"ber": (0.0, 1e-3, 1e-2), "eps": (0.0, 2.0, 4.0, 8.0), "mode": MODES, "maps": 5}


def add(parser: argparse.ArgumentParser) -> None:
    """The options of a sweep, with both axes and both modes unless others are asked for."""
    sweep.add(parser)
    parser.set_defaults(**DEFAULTS)


def run(arguments: argparse.Namespace) -> None:
    """Runs the sweep and prints its surface."""
    sweep.run(arguments)
