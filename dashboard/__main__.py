"""``python -m dashboard [--server.port N]``: serves the pages and prints their address."""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.web import cli

from dashboard import warm

if __name__ == "__main__":
    warm.begin()  # torch loads while the server starts and the first visitor reads the first page
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]]
    sys.exit(cli.main())
