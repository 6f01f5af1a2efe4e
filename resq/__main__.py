"""``python -m resq``."""

import sys

from resq.cli import console

sys.exit(console())
