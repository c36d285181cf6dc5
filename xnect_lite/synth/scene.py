"""What stands where: a random scene of people, objects, light and camera, a pure function of the generator it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from xnect_lite.config import Rules
from xnect_lite.files.values import Range, Share
from xnect_lite.skeleton import INDEX, ROOT
from xnect_lite.synth.body import BONE, Body, BodySet, forward, posed_joints, skin
from xnect_lite.synth.mesh import Look, Mesh, box, turned, vertex_normals
from xnect_lite.synth.motion import Contact, MotionFile, Poses, retarget
from xnect_lite.synth.patterns import cloth_colour, random_texture
from xnect_lite.synth.pose import UP, limits_pose, mix_limbs, random_root, sample_arm, sample_leg, walk_pose
from xnect_lite.synth.renderer import Light
from xnect_lite.synth.rotation import about
from xnect_lite.synth.view import View, look
from xnect_lite.synth.wardrobe import Layer, Wardrobe

LIMBS = ("r_arm", "l_arm", "r_leg", "l_leg")
_TRIES = 12
_APART_M = 0.45  # nobody's pelvis is nearer to another's than this, on the floor
_NEAREST_M = 0.7
_EYE_HEIGHT_M = (0.15, 6.0)
PictureSide = Annotated[int, Range(32, 4096)]
Degrees = Annotated[float, Range(-89, 89)]
FieldOfView = Annotated[float, Range(1, 170)]
Height = Annotated[float, Range(1, 100_000)]


def _least_before_most(scene: SceneConfig) -> tuple[str, str] | None:
    swapped = [key for key in ("fov_deg", "pitch_deg", "stature_px") if getattr(scene, key)[0] > getattr(scene, key)[1]]
    return (f"{' and '.join(swapped)} has the larger value first", "Write [LEAST, MOST]") if swapped else None


@dataclass(frozen=True)
class SceneConfig:
    """Ranges that scenes are drawn from. Pairs are (least, most)."""

    rules: ClassVar[Rules] = (_least_before_most,)
    size: tuple[PictureSide, PictureSide] = (512, 320)  # width, height, px
    people_share: tuple[Share, ...] = (0.22, 0.3, 0.2, 0.1, 0.07, 0.05, 0.04, 0.02)  # of pictures with 1, 2, … people
    fov_deg: tuple[FieldOfView, FieldOfView] = (35.0, 90.0)  # across the longer side
    pitch_deg: tuple[Degrees, Degrees] = (-25.0, 45.0)  # > 0 looks down
    roll_deg: Annotated[float, Range(0, 180)] = 4.0  # standard deviation
    stature_px: tuple[Height, Height] = (70.0, 520.0)  # how tall a standing adult would appear, log-uniform
    overlap: Share = 0.35  # share of people placed behind or before the one before
    objects: Share = 0.3  # share of pictures with objects standing in front of people
    cut_outs: Share = 0.15  # share with pieces of other pictures over them
    captured: Share = 0.75  # share of poses from motion capture, where there is any
    mixed: Share = 0.3  # share of captured poses with limbs of other poses


@dataclass(frozen=True)
class Person:
    """Somebody posed in the world: body, clothes, local (22, 3, 3) rotations and root_m (3,) of the pelvis bone's head."""

    body: Body
    layers: tuple[Layer, ...]
    local: np.ndarray
    root_m: np.ndarray

    def joints_m(self) -> np.ndarray:
        """(24, 3) XNECT24 joints in the world, metres."""
        return posed_joints(self.body, *forward(self.body, self.local, self.root_m))

    def meshes(self, ident: int) -> list[Mesh]:
        """What to draw of this person."""
        rotation, position = forward(self.body, self.local, self.root_m)
        out = []
        for layer in self.layers:
            points = skin(layer.rest_m, layer.weights, self.body.bone_head_m, rotation, position)
            part = layer.part
            normals = vertex_normals(points, part.vertex[part.triangles])
            out.append(Mesh(points[part.vertex], normals[part.vertex], part.uv, part.triangles, layer.look, ident))
        return out


@dataclass(frozen=True)
class Scene:
    """Everything the renderer needs but the background. Person i is drawn with ident i + 1, objects with negative ones."""

    view: View
    people: tuple[Person, ...]
    objects: tuple[Mesh, ...]
    light: Light


@dataclass(frozen=True)
class Cast:
    """Who can appear: bodies, what they wear (None where nobody is drawn), the motion they move by (may be empty)."""

    bodies: BodySet
    wardrobe: Wardrobe | None
    motions: Sequence[MotionFile]
    contact: Contact


def sample_scene(config: SceneConfig, cast: Cast, rng: np.random.Generator) -> Scene:
    """Draw a scene with one to eight people."""
    view = sample_view(config, rng)
    people: list[Person] = []
    share = np.array(config.people_share)
    for _ in range(1 + rng.choice(len(share), p=share / share.sum())):
        person = sample_person(cast, people, view, config, rng)
        if person is not None:
            people.append(person)
    objects = _objects(people, view, rng) if people and rng.random() < config.objects else []
    return Scene(view, tuple(people), tuple(objects), sample_light(rng))


def sample_person(cast: Cast, others: list[Person], view: View, config: SceneConfig, rng: np.random.Generator) -> Person | None:
    """Somebody dressed and posed, where the camera sees enough of them; None if no such place was found."""
    body, layers = sample_character(cast, rng)
    poses = sample_pose(config, cast, body, rng)
    return _place(Person(body, layers, poses.local[0], poses.root_m[0]), others, view, config, rng)


def sample_view(config: SceneConfig, rng: np.random.Generator) -> View:
    """A camera that looks at somebody of a random size in the picture. It stands at x = z = 0 and looks along +z."""
    fov = rng.uniform(*config.fov_deg)
    focal = 0.5 * max(config.size) / np.tan(0.5 * np.radians(fov))
    away = max(focal * 1.7 / np.exp(rng.uniform(*np.log(config.stature_px))), 1.2)
    pitch = np.radians(np.clip(rng.normal(8, 14), *config.pitch_deg))
    height = np.clip(0.95 + away * np.tan(pitch), *_EYE_HEIGHT_M)
    pitch = np.arctan((height - 0.95) / away)  # still towards that person where the height was cut off
    pitch += rng.uniform(-0.25, 0.25) * np.arctan(0.5 * config.size[1] / focal)
    pitch = np.clip(pitch, *np.radians(config.pitch_deg))
    roll = np.radians(rng.normal(0, config.roll_deg))
    return look(config.size, fov, np.array([0.0, height, 0.0]), 0.0, float(pitch), float(roll))


def sample_character(cast: Cast, rng: np.random.Generator) -> tuple[Body, tuple[Layer, ...]]:
    """A body, mostly of one baked shape with some of another, and its clothes."""
    first, second = rng.integers(len(cast.bodies), size=2)
    body = cast.bodies.mix(int(first), int(second), float(rng.uniform(0, 0.4)))
    return body, tuple(cast.wardrobe.dress(body, rng)) if cast.wardrobe else ()


def sample_pose(config: SceneConfig, cast: Cast, body: Body, rng: np.random.Generator) -> Poses:
    """One pose (F = 1) on the floor at the origin, with any heading."""
    if cast.motions and rng.random() < config.captured:
        poses = _captured(cast, body, rng)
        height = max(cast.contact.lowest_m(body, poses.local[0], poses.root_m[0]), 0.0)
        local = poses.local[0]
        if rng.random() < config.mixed:
            limbs = [limb for limb in LIMBS if rng.random() < (0.5 if "arm" in limb else 0.2)]
            if rng.random() < 0.5:
                local = mix_limbs(local, _captured(cast, body, rng).local[0], limbs)
            else:
                local = np.array(local)
                for limb in limbs:
                    (sample_arm if "arm" in limb else sample_leg)(local, body, limb[0], rng)
            height = 0.0 if any("leg" in limb for limb in limbs) else height
        local = np.array(local)
        local[BONE["pelvis"]] = about(UP, rng.uniform(-np.pi, np.pi)) @ local[BONE["pelvis"]]
    else:
        height = 0.0
        if cast.motions or rng.random() < 0.6:
            local, turn = limits_pose(body, rng), random_root(rng)
        else:
            local, turn = walk_pose(body, rng.random(), rng.uniform(0, 1.2)), random_root(rng, upright=1.0)
        local[BONE["pelvis"]] = turn @ local[BONE["pelvis"]]
    start = np.array([[0.0, 1.0, 0.0]])
    return cast.contact.put_down(Poses(local[None], start), body, np.array([height]))


def _captured(cast: Cast, body: Body, rng: np.random.Generator) -> Poses:
    """One frame of a random clip; files count by the square root of their length, so that small ones are seen too."""
    share = np.sqrt([m.frames for m in cast.motions])
    file = cast.motions[rng.choice(len(share), p=share / share.sum())]
    clip = int(rng.integers(len(file.clip_names)))
    frame = int(rng.integers(file.clip_length(clip)))
    return retarget(file.clip(clip, frame, frame + 1), body, cast.contact)


def _place(person: Person, others: list[Person], view: View, config: SceneConfig, rng: np.random.Generator) -> Person | None:
    """The person moved to where the camera sees enough of them, clear of the others; None if no such place was found."""
    half = np.arctan(0.5 * view.size[0] / view.focal_px)
    for _ in range(_TRIES):
        if others and rng.random() < config.overlap:
            near = others[-1].root_m
            away = max(near[2] + rng.choice([-1, 1]) * rng.uniform(0.5, 1.8), _NEAREST_M)
            side = near[0] * away / near[2] + rng.normal(0, 0.3)
        else:
            away = max(view.focal_px * 1.7 / np.exp(rng.uniform(*np.log(config.stature_px))), _NEAREST_M)
            if others and rng.random() < 0.6:  # people mostly come in groups
                away = max(others[0].root_m[2] * np.exp(rng.normal(0, 0.25)), _NEAREST_M)
            side = away * np.tan(rng.uniform(-1.05, 1.05) * half)
        moved = replace(person, root_m=np.array([side, person.root_m[1], away]))
        if any(np.hypot(*(moved.root_m - o.root_m)[[0, 2]]) < _APART_M for o in others):
            continue
        joints = moved.joints_m()
        px = view.to_px(joints)
        seen = ((px > 0) & (px < np.array(view.size) - 1)).all(-1).sum()
        depth = view.to_camera_mm(joints)[:, 2]
        if seen >= 8 and depth.min() > 250 and depth[ROOT] > 500 and np.isfinite(px).all():
            return moved
    return None


def sample_light(rng: np.random.Generator) -> Light:
    """A sun from anywhere above, a sky, some light thrown back by the floor."""
    up, around = np.radians(rng.uniform(25, 80)), rng.uniform(-np.pi, np.pi)
    direction = np.array([np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)])
    warm = rng.normal(0, 0.06)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    sun, sky = rng.uniform(0.2, 0.9), rng.uniform(0.4, 0.85)
    return Light(direction, sun * tint, sky * tint[::-1], sky * rng.uniform(0.4, 0.9) * np.ones(3))


def _objects(people: list[Person], view: View, rng: np.random.Generator) -> list[Mesh]:
    """One to three things between the camera and people."""
    out = []
    for number in range(int(rng.integers(1, 4))):
        behind = people[rng.integers(len(people))].joints_m()[INDEX["pelvis"]]
        share = rng.uniform(0.45, 0.85)
        spot = view.position_m + share * (behind - view.position_m)
        spot[0] += rng.normal(0, 0.15 * behind[2])
        if spot[2] < 0.8:
            continue
        points, normals, uv, triangles = _thing(rng, height=float(spot[1]) + 0.4)
        turn = about(UP, rng.uniform(-np.pi, np.pi))
        points = points @ turn.T + np.array([spot[0], 0.0, spot[2]])
        texture = random_texture(rng)
        texture_look = Look(texture=texture, gloss=float(rng.uniform(0, 0.5)))
        plain_look = Look(matrix=np.diag(cloth_colour(rng)), gloss=float(rng.uniform(0, 0.5)))
        chosen = texture_look if rng.random() < 0.6 else plain_look
        out.append(Mesh(points, normals @ turn.T, uv, triangles, chosen, -(number + 1)))
    return out


def _thing(rng: np.random.Generator, height: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A box, post, vase or ball on the floor, ``height`` metres at most."""
    tall = min(rng.uniform(0.3, 1.3), max(height, 0.25))
    kind = rng.integers(4)
    if kind == 0:
        return box(np.array([rng.uniform(0.15, 0.9), tall, rng.uniform(0.15, 0.9)]))
    if kind == 1:
        radius = rng.uniform(0.03, 0.25)
        return turned(np.array([[radius, 0], [radius, 1.5 * tall], [0.0, 1.5 * tall]]))
    if kind == 2:
        radii = rng.uniform(0.05, 0.35, 6)
        return turned(np.stack([np.append(radii, 0.0), tall * np.append(np.linspace(0, 1, 6), 1.0)], -1))
    angle, radius = np.linspace(-np.pi / 2, np.pi / 2, 10), 0.45 * min(tall, 0.9)
    return turned(np.stack([radius * np.cos(angle), radius * (1 + np.sin(angle))], -1))
