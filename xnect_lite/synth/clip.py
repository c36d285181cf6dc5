"""Whole clips: several people who walk, dance, cross before a standing camera, with the truth of every frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np

from xnect_lite.files.values import Range
from xnect_lite.synth.body import BONE, Body
from xnect_lite.synth.motion import MotionFile, Poses, retarget
from xnect_lite.synth.picture import Camera, compose, degrade
from xnect_lite.synth.pose import UP, walk_pose
from xnect_lite.synth.renderer import Light
from xnect_lite.synth.rotation import about
from xnect_lite.synth.scene import Cast, FieldOfView, Person, PictureSide, Scene, sample_character, sample_light
from xnect_lite.synth.studio import Studio
from xnect_lite.synth.truth import Truth, measure
from xnect_lite.synth.view import View, look

_LANE_M = 0.9  # between people's paths
_NEAREST_LANE_M = 3.4
_WALK_M_PER_S = 1.2
_TRIES = 6


@dataclass(frozen=True)
class ClipConfig:
    """A clip to be made. ``kind``: 'crossing' people walk from side to side, 'mixed' anything people do."""

    people: Annotated[int, Range(1, 1000)] = 3
    seconds: Annotated[float, Range(0, 10_000, "()")] = 10.0
    fps: Annotated[float, Range(0, 10_000, "()")] = 30.0
    kind: Literal["crossing", "mixed"] = "mixed"
    size: tuple[PictureSide, PictureSide] = (512, 320)
    fov_deg: tuple[FieldOfView, FieldOfView] = (50.0, 75.0)

    @property
    def frames(self) -> int:
        """How many pictures that makes."""
        return max(round(self.seconds * self.fps), 1)


@dataclass(frozen=True)
class ClipScene:
    """People with a pose in every frame, before one camera. poses[i] has F frames of person i."""

    view: View
    people: tuple[Person, ...]
    poses: tuple[Poses, ...]
    light: Light
    fps: float

    def __len__(self) -> int:
        return min(len(p) for p in self.poses)

    def at(self, frame: int) -> Scene:
        """The scene of one frame. Person i is the same in all of them."""
        posed = [
            replace(person, local=p.local[frame], root_m=p.root_m[frame])
            for person, p in zip(self.people, self.poses, strict=True)
        ]
        return Scene(self.view, tuple(posed), (), self.light)


def sample_clip(config: ClipConfig, cast: Cast, rng: np.random.Generator) -> ClipScene:
    """Draw a clip: everyone in a lane of their own, so that people pass each other without touching."""
    people, poses = [], []
    lanes = rng.permutation(config.people)
    for i in range(config.people):
        body, layers = sample_character(cast, rng)
        across = config.kind == "crossing" or i % 2 == 0
        lane_m = _NEAREST_LANE_M + _LANE_M * lanes[i]
        side_m = 0.0 if config.kind == "crossing" else lane_m * rng.uniform(-0.28, 0.28)
        path = _path(config, cast, body, np.array([side_m, lane_m]), across, forth=bool(lanes[i] % 2), rng=rng)
        people.append(Person(body, layers, path.local[0], path.root_m[0]))
        poses.append(path)
    depth = _NEAREST_LANE_M + _LANE_M * (config.people - 1) / 2
    height = float(rng.uniform(1.0, 2.4))
    pitch = float(np.arctan((height - 0.9) / depth))
    view = look(config.size, rng.uniform(*config.fov_deg), np.array([0.0, height, 0.0]), 0.0, pitch)
    return ClipScene(view, tuple(people), tuple(poses), sample_light(rng), config.fps)


def render_clip(
    studio: Studio, clip: ClipScene, camera: Camera, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, Truth]]:
    """Frame by frame: (H, W, 3) uint8 RGB and the truth. The background stands still, the noise does not."""
    background = studio.backgrounds.draw(clip.view, rng)
    for frame in range(len(clip)):
        scene = clip.at(frame)
        drawn = studio.draw(scene)
        image = compose(drawn, background, strength=0.45)
        yield degrade(image, camera, rng), measure(scene.people, scene.view, drawn)


def _path(
    config: ClipConfig, cast: Cast, body: Body, middle_m: np.ndarray, across: bool, forth: bool, rng: np.random.Generator
) -> Poses:
    """Somebody's poses in a lane: of a few clips the first that stays in it, else the one that strays least."""
    choices = _clips(cast.motions, walking=config.kind == "crossing", frames=config.frames)
    if not choices:
        return _lay(_walk(body, config.fps, config.frames, rng), middle_m, across, forth, rng)
    paths = []
    for _ in range(_TRIES):
        moves = _moves(*choices[rng.integers(len(choices))], config, cast, body, rng)
        paths.append(_lay(moves, middle_m, across, forth, rng))
        if _strays(paths[-1], middle_m[1]) <= _LANE_M / 2:
            break
    return min(paths, key=lambda path: _strays(path, middle_m[1]))


def _strays(path: Poses, lane_m: float) -> float:
    return float(np.abs(path.root_m[:, 2] - lane_m).max())


def _moves(file: MotionFile, clip: int, config: ClipConfig, cast: Cast, body: Body, rng: np.random.Generator) -> Poses:
    """A captured clip, or so much of it as is wanted; forwards and backwards where it is too short."""
    length, fps = file.clip_length(clip), file.fps
    wanted = int(np.ceil(config.frames * fps / config.fps)) + 1
    start = int(rng.integers(max(length - wanted, 0) + 1))
    poses = retarget(file.clip(clip, start, start + wanted), body, cast.contact)
    source = np.floor(np.arange(config.frames) * fps / config.fps).astype(int)
    period = max(2 * (len(poses) - 1), 1)
    source = source % period
    source = np.where(source < len(poses), source, period - source)
    return Poses(poses.local[source], poses.root_m[source])


def _clips(motions: Sequence[MotionFile], walking: bool, frames: int) -> list[tuple[MotionFile, int]]:
    """Clips that last at least half as long as wanted; if none does, the longest ten."""
    named = [
        (file, clip)
        for file in motions
        for clip, name in enumerate(file.clip_names)
        if not walking or "walk" in name or name in ("02_01", "02_02")
    ]
    long = [(f, c) for f, c in named if f.clip_length(c) >= frames / 2]
    return long or sorted(named, key=lambda pair: -pair[0].clip_length(pair[1]))[:10]


def _walk(body: Body, fps: float, frames: int, rng: np.random.Generator) -> Poses:
    time, start = np.arange(frames) / fps, rng.random()
    speed = _WALK_M_PER_S * rng.uniform(0.8, 1.15)
    local = np.stack([walk_pose(body, start + 0.9 * t) for t in time])
    root = np.stack([np.zeros(frames), np.full(frames, body.bone_head_m[0, 1]), speed * time], -1)
    return Poses(local, root)


def _lay(poses: Poses, middle_m: np.ndarray, across: bool, forth: bool, rng: np.random.Generator) -> Poses:
    """Turn and move a path so that its middle is at (x, z) ``middle_m``; ``across``: it leads from side to side."""
    root = np.array(poses.root_m)
    way = root[-1] - root[0]
    if across and np.hypot(way[0], way[2]) > 0.5:
        heading = np.arctan2(way[0], way[2])
        turn = about(UP, (np.pi / 2 if forth else -np.pi / 2) - heading)
    else:
        turn = about(UP, rng.uniform(-np.pi, np.pi))
    root = root @ turn.T
    local = np.array(poses.local)
    local[:, BONE["pelvis"]] = turn @ local[:, BONE["pelvis"]]
    root[:, [0, 2]] += middle_m - 0.5 * (root.min(0) + root.max(0))[[0, 2]]
    return Poses(local, root)
