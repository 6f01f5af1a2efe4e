"""``python -m resq``."""

import sys

from resq.cli import main

sys.exit(main())
