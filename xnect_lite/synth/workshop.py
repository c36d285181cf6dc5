"""Rendering in one process or in several. The results are the same, and come in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from typing import Any, TypeVar

import cv2

from xnect_lite import __version__
from xnect_lite.errors import XnectError
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.synth.studio import Assets, Studio

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workshop:
    """A studio, and with ``workers`` > 1 as many processes with one each. A context manager.

    Raises XnectError where something to render from, or OpenGL, is missing: before any process is started.
    """

    def __init__(self, assets: Assets, config: SceneConfig, workers: int = 1) -> None:
        self.studio = Studio(assets, config)
        self._make = partial(Studio, assets, config)
        self._pool: ProcessPoolExecutor | None = None
        if workers > 1:
            os.environ.setdefault("LP_NUM_THREADS", "1")  # the software rasteriser: one thread for each worker
            self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self.studio.renderer.close()

    def map(self, work: Callable[[Studio, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """``work(studio, job)`` of every job, in order. ``work`` must be a function of a module.

        Raises what ``work`` raises, and XnectError if a process is killed.
        """
        if self._pool is None:
            yield from map(partial(work, self.studio), jobs)
            return
        try:
            yield from self._pool.map(partial(_in_worker, self._make, work), jobs)
        except BrokenProcessPool as error:
            raise XnectError(
                "Rendering", "a worker was ended from outside, perhaps for memory", "Use fewer --workers"
            ) from error

    def origin(self) -> dict[str, Any]:
        """For a manifest: what draws, what is drawn, by which versions."""
        return {
            "renderer": self.studio.renderer.device,
            "open_only": self.studio.assets.open_only,
            "sources": self.studio.licences(),
            "versions": _versions(),
        }


_studio: Studio | None = None  # one per worker process


def _in_worker(make: Callable[[], Studio], work: Callable[[Studio, Any], Any], job: Any) -> Any:
    global _studio
    if _studio is None:
        cv2.setNumThreads(1)
        _studio = make()
    return work(_studio, job)


def _versions() -> dict[str, str]:
    out = {"xnect-lite": __version__}
    for package in ("numpy", "opencv-python", "moderngl", "anny"):
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            continue
    return out
