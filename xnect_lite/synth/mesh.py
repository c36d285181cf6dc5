"""What the renderer draws: triangles with a look. And the meshes that need no file: boxes, cylinders, spheres."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

PLAIN = np.full((1, 1, 3), 255, np.uint8)
"""A texture that leaves the colour to the look."""


@dataclass(frozen=True)
class Look:
    """How a surface is coloured: ``matrix @ texture + offset``, times the pattern.

    texture: (h, w, 3 or 4) uint8, or the path of a picture; with alpha, what is transparent is cut away.
    matrix (3, 3) and offset (3,) on colours 0..1; pattern (h, w, 3) uint8 tiled ``pattern_scale`` times over the uv square.
    """

    texture: np.ndarray | str = field(default_factory=lambda: PLAIN)
    matrix: np.ndarray = field(default_factory=lambda: np.eye(3))
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    pattern: np.ndarray | None = None
    pattern_scale: float = 1.0
    gloss: float = 0.0


@dataclass(frozen=True)
class Mesh:
    """Triangles in the world.

    points_m (C, 3), normals (C, 3), uv (C, 2) with v upwards, triangles (T, 3); ident: > 0 a person, < 0 an occluder.
    """

    points_m: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray
    look: Look
    ident: int


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V, 3) float32 area-weighted unit normals; vertices of no triangle get zeros."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    corner = triangles.ravel()
    total = np.stack([np.bincount(corner, np.repeat(face[:, k], 3), len(points)) for k in range(3)], -1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, length, out=np.zeros_like(total), where=length > 1e-12).astype(np.float32)


def box(size_m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, normals, uv, triangles of a box standing on the floor around the origin; size (x, y, z) metres."""
    points: list[list[float]] = []
    normals: list[np.ndarray] = []
    uv: list[list[float]] = []
    triangles: list[list[int]] = []
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    for axis in range(3):
        for sign in (-1, 1):
            side = np.zeros((4, 3))
            side[:, axis] = sign
            side[:, [(axis + 1) % 3, (axis + 2) % 3]] = square if sign > 0 else square[::-1]
            triangles += [[len(points) + i for i in t] for t in ((0, 1, 2), (0, 2, 3))]
            points += (0.5 * side * size_m + [0, 0.5 * size_m[1], 0]).tolist()
            normals += [np.eye(3)[axis] * sign] * 4
            uv += (0.5 * square + 0.5).tolist()
    return np.array(points), np.array(normals), np.array(uv), np.array(triangles)


def turned(profile: np.ndarray, segments: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, normals, uv, triangles of a profile (K, 2) of (radius, height) metres turned about the y axis."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], -1)
    points = (profile[:, None, :1] * ring + profile[:, None, 1:] * np.array([0.0, 1.0, 0.0])).reshape(-1, 3)
    u, v = np.meshgrid(np.linspace(0, 1, segments + 1), np.linspace(0, 1, len(profile)))
    i = (np.arange(len(profile) - 1)[:, None] * (segments + 1) + np.arange(segments)).ravel()
    above = i + segments + 1
    triangles = np.concatenate([np.stack([i, above, i + 1], -1), np.stack([i + 1, above, above + 1], -1)])
    return points, vertex_normals(points, triangles), np.stack([u.ravel(), v.ravel()], -1), triangles
