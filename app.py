"""The desktop app: motion capture of several people from one camera, live. ``python app.py --help`` lists the options."""

import sys

from xnect_lite.cli.app import run

if __name__ == "__main__":
    sys.exit(run())
