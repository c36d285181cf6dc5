"""Clothes and hair in MakeHuman's format: an ``.mhclo`` fits a mesh to the base body, vertex by vertex.

A row ``v1 v2 v3 w1 w2 w3 dx dy dz`` places a cloth vertex at sum(w * rest[v]) + d * scale; a row with one number is that
vertex. The scale of an axis is how far apart two named body vertices are, over the distance the file gives for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.synth.body import Part


@dataclass(frozen=True)
class Garment:
    """A mesh that hangs on the base body. N cloth vertices.

    vertices (N, 3) body vertices and shares (N, 3) of each; offset (N, 3) in the file's units; scale_of: per axis the two body
    vertices and their distance in the file's units; hidden: body vertices underneath that are not drawn.
    """

    name: str
    vertices: np.ndarray
    shares: np.ndarray
    offset: np.ndarray
    scale_of: tuple[tuple[int, int, float], ...]
    hidden: np.ndarray
    part: Part
    texture: str
    tags: frozenset[str]

    def fit(self, rest_m: np.ndarray) -> np.ndarray:
        """(N, 3) rest vertices on a body with rest vertices ``rest_m`` (V, 3), metres."""
        scale = [abs(rest_m[a, k] - rest_m[b, k]) / distance for k, (a, b, distance) in enumerate(self.scale_of)]
        return np.einsum("nk,nkc->nc", self.shares, rest_m[self.vertices]) + self.offset * scale

    def weights(self, body_weights: np.ndarray) -> np.ndarray:
        """(N, 22) skinning weights: the same mixture of the body's (V, 22)."""
        shares = np.maximum(self.shares, 0)
        mixed = np.einsum("nk,nkb->nb", shares, body_weights[self.vertices])
        return (mixed / np.maximum(mixed.sum(1, keepdims=True), 1e-9)).astype(np.float32)


def read_garment(path: Path) -> Garment:
    """Read an ``.mhclo`` and the ``.obj`` and ``diffuse`` picture beside it. Raises XnectError naming what is wrong."""
    try:
        return _parse(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise XnectError(str(path), f"cannot be read ({error})", "Check the folder given to --makehuman") from error


def _parse(path: Path) -> Garment:
    scale = {axis: (0, 0, 1.0) for axis in "xyz"}
    rows: list[list[float]] = []
    hidden: list[int] = []
    tags: set[str] = set()
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif words[0] in ("x_scale", "y_scale", "z_scale"):
            scale[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif words[0] == "tag":
            tags.add(words[1].lower())
        elif section == "verts" and words[0].isdecimal():
            if len(words) not in (1, 9):
                raise ValueError(f"a row of {len(words)} numbers")
            rows.append([float(w) for w in words])
        elif section == "delete_verts" and words[0].isdecimal():
            hidden += _ranges(words)
    full = np.array([r if len(r) == 9 else [r[0]] * 3 + [1, 0, 0, 0, 0, 0] for r in rows])
    texture = next(p for p in (path.parent / "diffuse.png", path.parent / "diffuse.jpg", None) if p is None or p.is_file())
    if texture is None:
        raise ValueError("no diffuse.png or diffuse.jpg beside it")
    part = read_obj(path.with_suffix(".obj"))
    if len(full) <= part.vertex.max():
        raise ValueError(f"{len(full)} rows for {part.vertex.max() + 1} vertices")
    return Garment(
        path.stem, full[:, :3].astype(int), full[:, 3:6], full[:, 6:], tuple(scale[a] for a in "xyz"),
        np.array(hidden, int), part, str(texture), frozenset(tags),
    )  # fmt: skip


def _ranges(words: list[str]) -> list[int]:
    """Vertex numbers of a list like ``3 7 - 10 15``."""
    out: list[int] = []
    i = 0
    while i < len(words):
        if i + 2 < len(words) and words[i + 1] == "-":
            out += range(int(words[i]), int(words[i + 2]) + 1)
            i += 3
        else:
            out.append(int(words[i]))
            i += 1
    return out


def read_obj(path: Path) -> Part:
    """Faces and texture coordinates of a Wavefront file; polygons become fans of triangles."""
    uv: list[list[float]] = [[0.0, 0.0]]
    corners: dict[tuple[int, int], int] = {}
    triangles: list[list[int]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("vt "):
            uv.append([float(w) for w in line.split()[1:3]])
        elif line.startswith("f "):
            face = []
            for word in line.split()[1:]:
                fields = word.split("/")
                pair = (int(fields[0]) - 1, int(fields[1]) if len(fields) > 1 and fields[1] else 0)
                face.append(corners.setdefault(pair, len(corners)))
            triangles += [[face[0], face[k], face[k + 1]] for k in range(1, len(face) - 1)]
    pairs = np.array(list(corners))
    return Part(pairs[:, 0], np.array(uv, np.float32)[pairs[:, 1]], np.array(triangles))
