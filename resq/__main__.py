"""``python -m resq``."""

import sys

from resq import heap
from resq.cli import main

heap.keep()
sys.exit(main())
