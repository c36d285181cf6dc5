"""``python -m xnect_lite.cli``."""

import sys

from xnect_lite.cli.main import main

sys.exit(main())
