"""The next frame is looked at while this one is followed: two cores work on one stream, one frame apart."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from xnect_lite.pipeline import Detection, Pipeline
from xnect_lite.types import Frame, PoseResult


def detections(frames: Iterable[Frame], pipeline: Pipeline) -> Generator[Detection, None, None]:
    """What `Pipeline.detect` says of every frame, in order.

    With `network.pipelined`, the network looks at a frame on a thread of its own while the caller is busy with the one before,
    and every answer comes one frame later. What `detect` raises is raised in its turn. Ending the loop early waits for the
    frame that is being looked at.
    """
    if not is_pipelined(pipeline.config.network.pipelined):
        for frame in frames:
            yield pipeline.detect(frame)
        return
    waiting: Future[Detection] | None = None
    with ThreadPoolExecutor(1, "network") as pool:
        for frame in frames:
            following = pool.submit(pipeline.detect, frame)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()


def results(frames: Iterable[Frame], pipeline: Pipeline) -> Generator[PoseResult, None, None]:
    """What `Pipeline.process` says of every frame, in order; see `detections`."""
    for detection in detections(frames, pipeline):
        yield pipeline.follow(detection)


def is_pipelined(wanted: str) -> bool:
    """Whether ``wanted``, auto, on or off, means two threads: auto does where there is a core for each."""
    return wanted == "on" or (wanted == "auto" and usable_cores() > 1)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
