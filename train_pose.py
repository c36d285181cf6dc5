"""Train xnect_lite: ``xnect-lite train`` from a checkout. ``python train_pose.py --help`` lists what can be trained."""

import sys

from xnect_lite.cli.main import train_pose as main

if __name__ == "__main__":
    sys.exit(main())
