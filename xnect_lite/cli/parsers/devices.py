"""``xnect-lite devices``: the cameras and processors of this machine, and what ``auto`` makes of them."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    devices = verbs.add_parser("devices", help="cameras, processors, and what 'auto' chooses")
    devices.add_argument("--json", action="store_true", help="print as JSON; null = cannot be known, or is not installed")
    devices.set_defaults(run=Later("devices.run_devices"))
