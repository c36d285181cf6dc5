"""Ending a run between two steps on Ctrl-C or termination."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class StopRequest:
    """As a context, takes SIGINT and SIGTERM and remembers that one came; the handlers of before come back at its end."""

    def __init__(self) -> None:
        self.received = False

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True
