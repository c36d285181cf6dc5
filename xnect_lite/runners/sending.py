"""Results sent on while they come, as OSC; what it is sent to may change at any time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from xnect_lite.errors import XnectError
from xnect_lite.types import PoseResult

if TYPE_CHECKING:
    from xnect_lite.record.vmc import VmcSender


class Sending:
    """Nobody, or a receiver of `record.vmc`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sender: VmcSender | None = None

    @property
    def port(self) -> int:
        """Of the first person; 0 = nothing is sent."""
        sender = self._sender
        return 0 if sender is None else sender.port

    def to_port(self, port: int) -> None:
        """Send to this port of this machine and those that follow; 0 = to nobody. Raises XnectError where that cannot be."""
        if port == self.port:
            return
        self.close()
        if port:
            from xnect_lite.record.vmc import VmcSender

            sender = VmcSender(port=port)
            with self._lock:
                self._sender = sender

    def wish_port(self, port: int) -> str:
        """As `to_port`, for those who show what is wrong: why it cannot be, "" if it can."""
        try:
            self.to_port(port)
        except XnectError as error:
            return str(error)
        return ""

    def send(self, result: PoseResult) -> None:
        """Send a result on, if anybody is to have it."""
        with self._lock:
            if self._sender is not None:
                self._sender.send(result)

    def close(self) -> None:
        """Tell the receivers that nobody is there any more, and send nothing from now on."""
        with self._lock:
            sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()
