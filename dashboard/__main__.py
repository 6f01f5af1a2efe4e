"""``python -m dashboard [--server.port N]``: serves the pages and prints their address."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from streamlit.web import cli

from dashboard.server import warmup


def opened(arguments: list[str], environment: Mapping[str, str]) -> list[str]:
    """The words of the command line; who names an address to listen on may be called by any name.

    >>> opened(["--server.address", "0.0.0.0"], {})
    ['--server.address', '0.0.0.0', '--server.allowedHosts', '*']
    """
    options = {word.partition("=")[0] for word in arguments if word.startswith("--server.")}
    elsewhere = "--server.address" in options or "STREAMLIT_SERVER_ADDRESS" in environment
    named = "--server.allowedHosts" in options or "STREAMLIT_SERVER_ALLOWED_HOSTS" in environment
    return arguments + (["--server.allowedHosts", "*"] if elsewhere and not named else [])


if __name__ == "__main__":
    warmup.begin()  # torch loads while the server starts and the first visitor reads the first page
    sys.argv = [
        "streamlit",
        "run",
        str(Path(__file__).with_name("asgi.py")),
        *opened(sys.argv[1:], os.environ),
    ]
    sys.exit(cli.main())
