"""What each stage of the pipeline brings, on clips with truth: the same frames with more and more of it, then with parts out.

The network sees every frame once; everything after it runs once for each row of the table, all side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np

from xnect_lite.camera.intrinsics import camera_for
from xnect_lite.camera.statures import assumed_stature_m
from xnect_lite.config import PipelineConfig
from xnect_lite.evaluate.clip_score import ClipScore
from xnect_lite.evaluate.clips import Clip
from xnect_lite.pipeline import Pipeline
from xnect_lite.record.journal import records_of
from xnect_lite.record.second_pass import second_pass_of
from xnect_lite.record.take_folder import take_of_records
from xnect_lite.skeleton import ROOT
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.lifting.lift import Lift, lift_people, read_out
from xnect_lite.stages.lifting.network import open_lift
from xnect_lite.stages.network import FrameNetwork
from xnect_lite.synth.truth import Truth
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame, Maps, People, PoseResult

Stages = Callable[[Frame], People]


class SharedPass:
    """Stands where the network stands, of many pipelines that look at the same frames: each frame goes through it once."""

    def __init__(self, predictor: FrameNetwork) -> None:
        self._predictor, self.runs_on = predictor, predictor.runs_on
        self._last: tuple[Frame, Maps] | None = None

    def __call__(self, frame: Frame, timer: StageTimer) -> Maps:
        """The maps of ``frame``, computed anew only if it is not the frame of the call before."""
        if self._last is None or self._last[0] is not frame:
            self._last = frame, self._predictor(frame, timer)
        return self._last[1]


def pipelines(config: PipelineConfig) -> dict[str, PipelineConfig]:
    """Row of the table -> configuration of the whole pipeline, from tracking on."""
    unfitted = _with(config, fitting={"enabled": False})
    return {
        "+ tracking": _with(unfitted, filtering={"enabled": False}),
        "+ filtering": _with(unfitted, filtering={"second_pass": False}),
        "+ fitting (live)": _with(config, filtering={"second_pass": False}),
        "+ second pass (recordings)": config,
        "the same without refining": _with(config, refining={"network": False}),
        "the same without the lifting network": _with(config, lifting={"network": False}),
        "the same without filtering": _with(config, filtering={"enabled": False}),
        "the same without fitting": unfitted,
        "the same with facing over time": _with(config, tracking={"facing": True}),
        "the same without foot lock": _with(config, fitting={"foot_lock": False}),
    }


def _with(config: PipelineConfig, **sections: Mapping[str, object]) -> PipelineConfig:
    changed = {name: dataclasses.replace(getattr(config, name), **values) for name, values in sections.items()}
    return dataclasses.replace(config, **changed)


def score_stages(
    clips: Sequence[Clip],
    config: PipelineConfig,
    predictor: FrameNetwork,
    on_frame: Callable[[], object] = lambda: None,
    wanted: Collection[str] | None = None,
) -> dict[str, ClipScore]:
    """Row of the table -> its score over all clips; first the truth itself, last the parts left out.

    ``wanted`` names the rows to go through; without it, all are. A clip is taken as filmed with a calibrated camera unless
    ``config`` says something of the lens. ``on_frame`` is called for every frame. Raises XnectError for clips that cannot be
    read.
    """
    scores: dict[str, ClipScore] = {}
    for clip in clips:
        calibrated = config
        if not (config.camera.intrinsics or config.camera.focal_px or config.camera.fov_deg):
            lens = {"intrinsics": str(clip.intrinsics)} if clip.intrinsics else {"focal_px": clip.focal_px}
            calibrated = _with(config, camera=lens)
        for name, records in _run(clip, calibrated, SharedPass(predictor), on_frame, wanted).items():
            take = take_of_records(np.concatenate(records), info={"focal_px": clip.focal_px})
            whole = pipelines(calibrated).get(name)
            second_pass = second_pass_of(whole) if whole else None
            scores.setdefault(name, ClipScore()).add(second_pass(take) if second_pass else take, clip.truths)
    return scores


def _run(
    clip: Clip, config: PipelineConfig, network: SharedPass, on_frame: Callable[[], object], wanted: Collection[str] | None
) -> dict[str, list[np.ndarray]]:
    """Row of the table -> a frame's records, frame by frame."""
    rows: dict[str, Stages] = {
        "the truth itself": lambda frame: _true_people(clip.truths[frame.index]),
        **_untracked(config, network),
    }
    for name, changed in pipelines(config).items():
        if wanted is None or name in wanted:
            rows[name] = partial(_processed, Pipeline(changed, network))
    rows = {name: stages for name, stages in rows.items() if wanted is None or name in wanted}
    records: dict[str, list[np.ndarray]] = {name: [] for name in rows}
    with clip.open() as source:
        for frame in source:
            if frame.index >= len(clip.truths):
                break
            for name, stages in rows.items():
                records[name].append(records_of(PoseResult(frame, stages(frame), clip.focal_px)))
            on_frame()
    return records


def _processed(pipeline: Pipeline, frame: Frame) -> People:
    return pipeline.process(frame).people


def _untracked(config: PipelineConfig, network: SharedPass) -> dict[str, Stages]:
    """The rows before anybody has a name."""
    unrefined, refined = Detector(network, config.grouping), Detector.open(config, network)

    def lifted(detect: Detector, lift: Lift, only_detected: bool, frame: Frame) -> People:
        people = detect(frame).people
        whole = lift_people(people, camera_for(frame.size, config.camera), assumed_stature_m(config.camera), lift)
        return dataclasses.replace(whole, joints_px=people.joints_px) if only_detected else whole

    return {
        "network + grouping": partial(lifted, unrefined, read_out, True),
        "+ refining": partial(lifted, refined, read_out, True),
        "+ lifting": partial(lifted, refined, open_lift(config.lifting), False),
    }


def _true_people(truth: Truth) -> People:
    """Everybody of whom enough shows, as a pipeline without fault would have them."""
    rows = np.flatnonzero(truth.labelled)
    people = People.empty(len(rows))
    people.joints_px[:], people.joint_score[:], people.person_score[:] = truth.joints_px[rows], 1.0, 1.0
    people.root_cam_mm[:] = truth.joints_cam_mm[rows][:, ROOT]
    people.joints_mm[:] = truth.joints_cam_mm[rows] - people.root_cam_mm[:, None]
    people.ids[:] = rows + 1
    return people
