"""``python -m resq``."""

import sys

from resq.cli import main
from resq.platform import malloc

malloc.retain_freed()
sys.exit(main())
