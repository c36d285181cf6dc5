"""``xnect-lite train quantise``: apart from the other trainings, as it imports what exports networks."""

from __future__ import annotations

import argparse

from xnect_lite.cli.train import ending_well, overrides
from xnect_lite.config import load_config
from xnect_lite.train.quantise import QuantiseConfig, quantise_stage1


def run_quantise(options: argparse.Namespace) -> int:
    """Stage I in int8."""
    with ending_well():
        quantise_stage1(load_config(QuantiseConfig, options.config, overrides(options)))
    return 0
