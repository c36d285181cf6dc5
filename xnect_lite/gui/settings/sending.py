"""Live motion to other programs, as the settings ask for it. No Qt."""

from __future__ import annotations

from xnect_lite.gui.settings.values import Settings
from xnect_lite.record.vmc import VmcSender, parse_osc


def open_sender(settings: Settings) -> VmcSender | None:
    """Sends OSC where the settings say so. Raises XnectError for an address that cannot be, or without python-osc."""
    return VmcSender(*parse_osc(settings.osc_address)) if settings.osc else None
