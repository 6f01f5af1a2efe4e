"""``python -m dashboard.report TARGET --out report.html``."""

import sys

from dashboard.report.html_report import main

if __name__ == "__main__":
    sys.exit(main())
