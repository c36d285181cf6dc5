"""Train xnect_lite. ``python train_pose.py --help`` lists what can be trained, and how."""

import sys

from xnect_lite.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
