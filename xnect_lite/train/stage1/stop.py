"""Ending a run between two steps when it is asked to end."""

from __future__ import annotations

from types import FrameType, TracebackType

from xnect_lite.signals import ending_by


class StopRequest:
    """As a context, hears that the program is asked to end and remembers it; what was done about it before comes back."""

    def __init__(self) -> None:
        self.received = False
        self._listening = ending_by(self._receive)

    def __enter__(self) -> StopRequest:
        self._listening.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listening.__exit__(kind, error, trace)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True
