"""The whole of xnect_lite in one loop: frames in, everybody's skeletons out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xnect_lite.capture import Source, open_source
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.pipeline import Pipeline
from xnect_lite.runners.ahead import read_ahead
from xnect_lite.runners.live import LatestFrame
from xnect_lite.runners.side_by_side import results
from xnect_lite.types import PoseResult


def track(
    source: str | Path | Source,
    *,
    config: PipelineConfig | None = None,
    pipeline: Pipeline | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    newest: bool | None = None,
) -> Iterator[PoseResult]:
    """Everybody in ``source``, frame by frame.

        for result in xnect_lite.track("dance.mp4"):
            for identity, joints_cam_mm in zip(result.people.ids, result.people.joints_cam_mm):
                print(result.frame.t_s, identity, joints_cam_mm[xnect_lite.INDEX["l_wrist"]])

    Args:
        source: what `capture.open_source` takes, or a source that is open; it is closed when the loop ends, however it ends.
        config: settings; the defaults without it.
        pipeline: one that is loaded already, instead of ``config``; it is reset first. Not by two loops at once.
        start_s: seconds; only frames from here on. Not with an open source.
        end_s: seconds; only frames before this time. Not with an open source.
        newest: True = the newest frame each time, older ones are dropped, and a file plays at its own pace, as for a viewer;
            False = every frame; None = True for cameras and streams, False for files.

    Raises:
        XnectError: at once for a source that is not there; from the loop where weights are missing or a camera fails.
    """
    if pipeline is not None and config is not None:
        raise XnectError("track", "was given both a config and a pipeline", "Give the config to the pipeline")
    if isinstance(source, (str, Path)):
        opened: Source = open_source(source, start_s=start_s, end_s=end_s)
    elif start_s is not None or end_s is not None:
        raise XnectError("track", "cannot cut a source that is open already", "Open the source with its start and end")
    else:
        opened = source
    return _results(opened, config, pipeline, opened.live if newest is None else newest)


def _results(source: Source, config: PipelineConfig | None, pipeline: Pipeline | None, newest: bool) -> Iterator[PoseResult]:
    with source:
        if pipeline is None:
            pipeline = Pipeline(config)
        pipeline.reset()
        if newest:
            with LatestFrame(source, realtime=True) as latest:
                yield from results(latest, pipeline)
        else:
            yield from results(read_ahead(source), pipeline)
