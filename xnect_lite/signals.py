"""Being asked to end: by Ctrl-C, by the system that shuts down, by a terminal that is closed. All three are one thing."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
Handler = Callable[[int, "FrameType | None"], Any]


@contextlib.contextmanager
def ending_by(handler: Handler) -> Iterator[None]:
    """While the block runs, ``handler`` is called when the program is asked to end.

    What was told to be ignored, as ``nohup`` does with closed terminals, stays so. In a thread that is not the main one
    nothing changes: only that one hears signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier if earlier is not None else signal.SIG_DFL)


def interrupt(number: int, frame: FrameType | None) -> None:
    """What Ctrl-C does, for the others as well."""
    raise KeyboardInterrupt


class WorkerEnd:
    """How a worker process ends: in the middle of a job it is interrupted once, so that it can save what it has; between
    jobs it goes at once.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._is_busy = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        was_asked, self.is_asked = self.is_asked, True
        if not self._is_busy:
            raise SystemExit(0)
        if not was_asked:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """While a job runs. Raises KeyboardInterrupt if the process was asked to end before."""
        if self.is_asked:
            raise KeyboardInterrupt
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False
