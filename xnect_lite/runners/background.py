"""Work aside: one thread that does one thing after the other and hands each answer to whoever asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Background:
    """Runs calls in order on a thread of its own."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do ``work``, and call ``then`` with its answer, or with the exception that it ended with, on that thread."""

        def job() -> None:
            try:
                answer = work()
            except Exception as error:  # whoever asked is told, whatever it is
                answer = error
            then(answer)

        with contextlib.suppress(RuntimeError):  # closed already
            self._pool.submit(job)

    def close(self) -> None:
        """Forget what has not been begun; what is at work ends in its own time."""
        self._pool.shutdown(wait=False, cancel_futures=True)
