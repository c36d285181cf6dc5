"""Ending a run between two steps on Ctrl-C, termination or a closed terminal."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class StopRequest:
    """As a context, takes SIGINT, SIGTERM and SIGHUP and remembers that one came; the handlers of before come back at its end.

    A closed terminal that is to be ignored, as under ``nohup``, is ignored.
    """

    def __init__(self) -> None:
        self.received = False

    def __enter__(self) -> StopRequest:
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._receive) for number in numbers}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True
