"""Serves the pages on this machine and prints their address: resq dashboard [--server.port 8600]."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from resq.core.errors import LackingError

PAGES = "dashboard"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "--servers", metavar="N", nargs="?",
        help="so many servers behind nginx, as many as cores without a number; one where nginx is missing",
    )  # fmt: skip
    parser.add_argument("--server.port", metavar="PORT", help="another port than 8501")
    parser.add_argument(
        "--server.address", metavar="ADDRESS",
        help="0.0.0.0: for other machines too, in a network that you trust; more: streamlit's own",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Never: ``serve`` takes the words as they are, since its options are Streamlit's."""
    raise AssertionError(arguments)


def serve(arguments: Sequence[str]) -> int:
    """Becomes the server; the words are its own.

    Raises:
        ImportError: Streamlit is not installed; the sentence says what brings it.
    """
    if find_spec("streamlit") is None:
        raise LackingError(
            "the pages want streamlit, which is not installed: pip install 'resq-lab[dashboard]'"
        )
    command = [sys.executable, "-m", PAGES, *arguments]
    if os.name == "nt":
        return subprocess.call(command)
    os.execv(sys.executable, command)  # a signal to this process is one to the server
