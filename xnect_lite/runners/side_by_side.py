"""The next frame is looked at while this one is followed: two cores work on one stream, one frame apart."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from xnect_lite.pipeline import Detection, Pipeline
from xnect_lite.runners.cores import is_pipelined
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
