"""A thread for a device whose driver may hang."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any, TypeVar

T = TypeVar("T")


class DeviceThread:
    """Makes calls that may hang in a driver on one daemon thread, so that the caller can give up waiting."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="capture device", daemon=True).start()

    def call(self, job: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def finish(self) -> None:
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            with contextlib.suppress(InvalidStateError):  # cancelled meanwhile: nobody waits for the answer
                try:
                    future.set_result(job())
                except Exception as error:
                    future.set_exception(error)
