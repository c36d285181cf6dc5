"""What a person wears: MakeHuman's clothes, hair and skins where there are any, otherwise the shells of the base mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.synth.body import BONE, Body, BodySet, Part
from xnect_lite.synth.clothes import Garment, read_garment
from xnect_lite.synth.held_out import share
from xnect_lite.synth.mesh import Look
from xnect_lite.synth.patterns import cloth_colour, cloth_pattern, hair_colour, hue_shift, skin_colour

MAKEHUMAN_LICENCE = "MakeHuman base assets, CC0 1.0, (C) 2020 Data Collection AB, Joel Palmius, Jonas Hauquier"
_GREY = np.full((3, 3), 1 / 3)


@dataclass(frozen=True)
class Layer:
    """One thing to skin and draw: the skin, a suit, a shoe, hair. rest_m (N, 3), weights (N, 22), part with rows of them."""

    rest_m: np.ndarray
    weights: np.ndarray
    part: Part
    look: Look


class Wardrobe:
    """Dresses bodies of one set. Without a MakeHuman folder, from shells and plain colours.

    ``held_out``: in the clothes, shoes and hair that nobody trains on, or in the others. Skins are too few to be divided.
    """

    def __init__(self, bodies: BodySet, makehuman: str | Path | None = None, held_out: bool = False) -> None:
        self._bodies = bodies
        self._suits: list[Garment] = []
        self._shoes: list[Garment] = []
        self._hair: list[Garment] = []
        self._skins: list[Path] = []
        if makehuman:
            folder = Path(makehuman)
            worn = [read_garment(p) for p in sorted(folder.glob("clothes/*/*.mhclo"))]
            self._shoes = share([g for g in worn if "shoes" in g.tags], held_out)
            self._suits = _share_of_each([g for g in worn if "shoes" not in g.tags], held_out)
            self._hair = _share_of_each([read_garment(p) for p in sorted(folder.glob("hair/*/*.mhclo"))], held_out)
            self._skins = sorted(folder.glob("skins/*/diffuse.*"))
            if not self._suits or not self._hair or not self._skins:
                raise XnectError(
                    str(folder), "lacks clothes/, hair/ or skins/", "Point --makehuman at a folder that holds them"
                )
            self._check([*self._suits, *self._shoes, *self._hair])
        self._weights = {id(g): g.weights(bodies.weights) for g in (*self._suits, *self._shoes, *self._hair)}

    @property
    def licences(self) -> list[str]:
        """Sources of what people wear."""
        return [MAKEHUMAN_LICENCE] if self._suits else []

    def dress(self, body: Body, rng: np.random.Generator) -> list[Layer]:
        """The layers of one person, skin first."""
        female = body.traits.get("gender", 0.0) > 0.5
        if not self._suits:
            return self._shell_layers(body, female, rng)
        layers, hidden = [], []
        suits = [g for g in self._suits if ("male" not in g.tags if female else "female" not in g.tags)]
        garments = [suits[rng.integers(len(suits))]]
        if self._shoes and rng.random() < 0.93:
            garments.append(self._shoes[rng.integers(len(self._shoes))])
        for garment in garments:
            layers.append(self._hang(garment, body, _recolour(rng)))
            hidden.append(garment.hidden)
        if rng.random() < 0.93:
            hair = [g for g in self._hair if ("male" not in g.tags if female else "female" not in g.tags)]
            garment = hair[rng.integers(len(hair))]
            tint = hair_colour(rng)
            # Hair pictures are of one brown: keep the strands' light and dark, put in the colour.
            layers.append(
                self._hang(garment, body, {"matrix": 2.2 * tint[:, None] * _GREY, "offset": 0.25 * tint, "gloss": 0.15})
            )
        skins = [p for p in self._skins if ("female" in p.parent.name) == female] or self._skins
        skin = Look(texture=str(skins[rng.integers(len(skins))]), matrix=np.eye(3) * rng.uniform(0.8, 1.15), gloss=0.05)
        return [self._skin(body, skin, np.concatenate(hidden)), self._eyes(body), *layers]

    def _hang(self, garment: Garment, body: Body, colours: dict) -> Layer:
        return Layer(
            garment.fit(body.rest_m), self._weights[id(garment)], garment.part, Look(texture=garment.texture, **colours)
        )

    def _skin(self, body: Body, look: Look, hidden: np.ndarray) -> Layer:
        part = self._bodies.parts["body"]
        covered = np.zeros(len(body.rest_m), bool)
        covered[hidden] = True
        shown = ~covered[part.vertex[part.triangles]].all(1)
        return self._layer(body, Part(part.vertex, part.uv, part.triangles[shown]), look)

    def _eyes(self, body: Body) -> Layer:
        return self._layer(body, self._bodies.parts["eyes"], Look(matrix=np.diag([0.32, 0.27, 0.24]), gloss=0.5))

    def _layer(self, body: Body, part: Part, look: Look) -> Layer:
        """A part of the base mesh with only the vertices it uses."""
        corners, corner_row = _compact(part.triangles, len(part.vertex))
        used, row = _compact(part.vertex[corners], len(body.rest_m))
        own = Part(row[part.vertex[corners]], part.uv[corners], corner_row[part.triangles])
        return Layer(body.rest_m[used], self._bodies.weights[used], own, look)

    def _shell_layers(self, body: Body, female: bool, rng: np.random.Generator) -> list[Layer]:
        """Top and trousers cut out of the tights, or a skirt; hair from the hair shell."""
        top = ["spine_01", "spine_02", "spine_03", "r_clavicle", "l_clavicle", "r_upper_arm", "l_upper_arm"]
        top += ["r_forearm", "l_forearm"] if rng.random() < 0.5 else []
        bottom = ["pelvis", "r_thigh", "l_thigh"] + (["r_shin", "l_shin"] if rng.random() < 0.7 else [])
        layers, hidden = [], []
        for bones in (top, bottom):
            look = Look(pattern=cloth_pattern(rng), pattern_scale=float(rng.integers(2, 8)))
            layer = self._cut("tights", body, bones, look)
            if layer is not None:
                layers.append(layer)
                share = self._bodies.weights[:, [BONE[b] for b in bones]].sum(1)
                hidden.append(np.flatnonzero(share > 0.97))
        if female and rng.random() < 0.35 and "skirt" in self._bodies.parts:
            layers.append(self._skirt(body, rng))
        if rng.random() < 0.9 and "hair" in self._bodies.parts:
            layers.append(self._shell_hair(body, female, rng))
        skin = Look(matrix=np.diag(skin_colour(rng)), gloss=0.05)
        out = [self._skin(body, skin, np.concatenate(hidden) if hidden else np.zeros(0, int))]
        if "eyes" in self._bodies.parts:
            out.append(self._eyes(body))
        return out + layers

    def _cut(self, shell: str, body: Body, bones: list[str], look: Look) -> Layer | None:
        """The faces of a shell that hang mostly on ``bones``; None if there are none."""
        part = self._bodies.parts.get(shell)
        if part is None:
            return None
        share = self._bodies.weights[:, [BONE[b] for b in bones]].sum(1)
        inside = (share[part.vertex[part.triangles]] > 0.35).all(1)
        if not inside.any():
            return None
        return self._layer(body, Part(part.vertex, _wrap(body.rest_m[part.vertex]), part.triangles[inside]), look)

    def _skirt(self, body: Body, rng: np.random.Generator) -> Layer:
        height = body.rest_m[self._bodies.parts["skirt"].vertex, 1]
        hem = height.max() - rng.uniform(0.45, 1.0) * np.ptp(height)
        look = Look(pattern=cloth_pattern(rng), pattern_scale=float(rng.integers(2, 8)))
        return self._down_to("skirt", body, float(hem), look)

    def _shell_hair(self, body: Body, female: bool, rng: np.random.Generator) -> Layer:
        """The shell reaches the hips, in front too: it is cut off between the ears and, on women, below the shoulders."""
        chin, head = body.bone_head_m[BONE["neck"], 1], body.rest_m[self._bodies.parts["hair"].vertex, 1].max()
        reach = rng.uniform(-0.5, 0.5) if female else rng.uniform(0.25, 0.6)
        look = Look(matrix=np.diag(hair_colour(rng)), gloss=0.1)
        return self._down_to("hair", body, float(chin + reach * (head - chin)), look)

    def _down_to(self, shell: str, body: Body, hem_m: float, look: Look) -> Layer:
        """The faces of a shell above ``hem_m`` at rest."""
        part = self._bodies.parts[shell]
        kept = (body.rest_m[part.vertex, 1][part.triangles] >= hem_m).all(1)
        return self._layer(body, Part(part.vertex, _wrap(body.rest_m[part.vertex]), part.triangles[kept]), look)

    def _check(self, garments: list[Garment]) -> None:
        vertices = self._bodies.rest_m.shape[1]
        for garment in garments:
            if max(garment.vertices.max(), garment.hidden.max(initial=0)) >= vertices:
                raise XnectError(garment.name, "does not fit these bodies", "Bake them again with xnect-lite synth bake")


def _share_of_each(garments: list[Garment], held_out: bool) -> list[Garment]:
    """The share of the women's, of the men's and of the others."""
    kinds = [[g for g in garments if g.tags & {"male", "female"} == kind] for kind in ({"female"}, {"male"}, set())]
    return [g for kind in kinds for g in share(kind, held_out)]


def _recolour(rng: np.random.Generator) -> dict:
    """A hue shift of the garment's picture; now and then one colour or pattern over its folds."""
    kind = rng.random()
    if kind < 0.7:
        return {"matrix": hue_shift(rng.random(), rng.uniform(0.5, 1.4), rng.uniform(0.6, 1.25))}
    folds = 1.3 * _GREY
    if kind < 0.85:
        return {"matrix": cloth_colour(rng)[:, None] * folds, "offset": 0.25 * np.ones(3) * rng.random()}
    return {
        "matrix": folds,
        "offset": np.full(3, 0.3),
        "pattern": cloth_pattern(rng),
        "pattern_scale": float(rng.integers(2, 10)),
    }


def _compact(numbers: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that occur, of 0 … count - 1, and (count,) where each of them stands in that list."""
    occurs = np.zeros(count, bool)
    occurs[numbers] = True
    return np.flatnonzero(occurs), np.cumsum(occurs) - 1


def _wrap(rest_m: np.ndarray) -> np.ndarray:
    """(N, 2) texture coordinates in metres around and along the body, for shells that come without any."""
    around = np.arctan2(rest_m[:, 0], rest_m[:, 2]) / np.pi
    return np.stack([around, rest_m[:, 1]], -1).astype(np.float32)
