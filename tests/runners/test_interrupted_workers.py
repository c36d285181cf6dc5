"""Interrupting several jobs: whatever worker hears it first, every take that was begun is named."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest

from xnect_lite.config import PipelineConfig
from xnect_lite.runners import engines


class Pool:
    """Two workers: the first heard the interrupt before its parent did, the second is still at work."""

    def __init__(self, *_: object) -> None:
        self._first = True

    def submit(self, *_: object) -> Future:
        future: Future = Future()
        if self._first:
            future.set_exception(KeyboardInterrupt("A holds what was recorded so far"))
        self._first = False
        return future

    def shutdown(self, **_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("others", "said"), [(["B holds what was recorded so far"], "A holds .*; B holds .*"), ([], "^A holds [^;]*$")]
)
def test_a_worker_that_heard_it_first_is_named_as_well(monkeypatch, others, said):
    monkeypatch.setattr(engines, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(engines, "_end_workers", lambda pool, futures: others)
    jobs = [SimpleNamespace(shown=name, config=PipelineConfig(), path=Path(name)) for name in "ab"]
    with pytest.raises(KeyboardInterrupt, match=said):
        list(engines.run_in_processes(jobs, lambda *_: None, 2))
