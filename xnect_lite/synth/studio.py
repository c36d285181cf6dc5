"""Renders pictures by number: picture i of seed s is the same whoever renders it, and whenever."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from xnect_lite.config import checked
from xnect_lite.data.sample import Sample, decode_rgb
from xnect_lite.errors import XnectError
from xnect_lite.synth.bake import bodies_or_bake
from xnect_lite.synth.held_out import share
from xnect_lite.synth.motion import ALL_FILES, LICENCES, OPEN_FILES, Contact, open_motions
from xnect_lite.synth.picture import (
    BACKGROUND_LICENCES,
    OPEN_BACKGROUNDS,
    Backgrounds,
    compose,
    degrade,
    encode_jpeg,
    paste_cut_outs,
    sample_camera,
)
from xnect_lite.synth.renderer import Renderer, Rendering
from xnect_lite.synth.scene import Cast, Scene, SceneConfig, sample_scene
from xnect_lite.synth.truth import Truth, measure
from xnect_lite.synth.wardrobe import Wardrobe


@dataclass(frozen=True)
class Assets:
    """Folders to render from; each may be left out.

    ``open_only``: nothing whose licence is narrower than CC0, MIT or CMU's. ``held_out``: the bodies, clothes, motion and
    backgrounds that validation pictures show, instead of those to train on.
    """

    bodies: str | None = None
    makehuman: str | None = None
    motion: str | None = None
    backgrounds: str | None = None
    open_only: bool = False
    held_out: bool = False

    @property
    def split(self) -> str:
        """'train' or 'val'."""
        return "val" if self.held_out else "train"


@dataclass(frozen=True)
class Picture:
    """A rendered picture: the JPEG file, its (width, height), its truth and its name."""

    jpeg: bytes
    size: tuple[int, int]
    truth: Truth
    name: str

    def sample(self) -> Sample:
        """As training sees it."""
        return Sample(
            read_image=partial(decode_rgb, self.jpeg, self.name),
            size=self.size,
            people=self.truth.people(),
            ignore_xyxy=self.truth.ignore_xyxy(),
            focal_px=self.truth.focal_px,
            provenance=self.name,
            read_encoded=partial(bytes, self.jpeg),
            synthetic=True,
            silhouettes=self.truth.silhouettes(),
        )


class Studio:
    """Everything loaded once: bodies, clothes, motion, backgrounds, the renderer."""

    def __init__(self, assets: Assets, config: SceneConfig | None = None) -> None:
        config = checked(config or SceneConfig())
        bodies = bodies_or_bake(assets.bodies)
        rows = share(range(len(bodies)), assets.held_out)
        if not rows:
            raise XnectError("Synthetic people", "one body cannot be divided between training and validation", "Bake more")
        bodies = bodies.rows(rows)
        files = OPEN_FILES if assets.open_only else ALL_FILES
        prefixes = OPEN_BACKGROUNDS if assets.open_only else tuple(BACKGROUND_LICENCES)
        motions = open_motions(assets.motion, files, assets.held_out) if assets.motion else []
        self.assets, self.config = assets, config
        self.cast = Cast(bodies, Wardrobe(bodies, assets.makehuman, assets.held_out), motions, Contact(bodies))
        self.backgrounds = Backgrounds(assets.backgrounds, prefixes, assets.held_out)
        self.renderer = Renderer(config.size)

    def licences(self) -> list[str]:
        """Source and licence of everything pictures are made from."""
        moves = sorted({LICENCES[m.name] for m in self.cast.motions})
        worn = self.cast.wardrobe.licences if self.cast.wardrobe else ()
        return [self.cast.bodies.source, *worn, *moves, *self.backgrounds.licences]

    def picture(self, seed: int, index: int) -> Picture:
        """Picture ``index`` of ``seed``."""
        rng = np.random.default_rng((seed, index, int(self.assets.held_out)))
        scene = sample_scene(self.config, self.cast, rng)
        background = self.backgrounds.draw(scene.view, rng)
        drawn = self.draw(scene)
        image = compose(drawn, background, strength=float(rng.uniform(0.1, 0.6)))
        if rng.random() < self.config.cut_outs:
            image, drawn = paste_cut_outs(image, drawn, self.backgrounds, rng)
        camera = sample_camera(rng)
        jpeg = encode_jpeg(degrade(image, camera, rng), camera.quality)
        return Picture(
            jpeg, self.config.size, measure(scene.people, scene.view, drawn), f"synth {self.assets.split} {seed} {index:07d}"
        )

    def draw(self, scene: Scene) -> Rendering:
        """Draw people and objects of a scene."""
        people = [mesh for i, person in enumerate(scene.people) for mesh in person.meshes(i + 1)]
        return self.renderer.render([*people, *scene.objects], scene.view, scene.light)
