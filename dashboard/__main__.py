"""``python -m dashboard [--servers N] [--server.port P]``: serves the pages and prints their address."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from dashboard.server import fleet, nginx
from resq.core.errors import ResqError


def opened(arguments: list[str], environment: Mapping[str, str]) -> list[str]:
    """The words of the command line; who names an address to listen on may be called by any name.

    >>> opened(["--server.address", "0.0.0.0"], {})
    ['--server.address', '0.0.0.0', '--server.allowedHosts', '*']
    """
    options = {word.partition("=")[0] for word in arguments if word.startswith("--server.")}
    elsewhere = "--server.address" in options or "STREAMLIT_SERVER_ADDRESS" in environment
    named = "--server.allowedHosts" in options or "STREAMLIT_SERVER_ALLOWED_HOSTS" in environment
    return arguments + (["--server.allowedHosts", "*"] if elsewhere and not named else [])


def one(arguments: list[str]) -> int:
    """This process serves."""
    from streamlit.web import cli

    from dashboard.server import warmup

    warmup.begin()  # torch loads while the server starts and the first visitor reads the first page
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("asgi.py")), *arguments]
    return int(cli.main() or 0)


def main(words: list[str]) -> int:
    """Serves until it is ended; what the process ends with."""
    words, n = fleet.asked(words)
    arguments = opened(words, os.environ)
    if n > 1 and nginx.binary():
        return fleet.run(n, arguments, os.environ)
    if n > 1:
        fleet.say(nginx.MISSING.format(n=n))
    return one(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ResqError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
