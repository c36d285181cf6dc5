"""Procedural colour: cloth patterns, hue shifts, skin tones. Everything is drawn from a NumPy generator."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def hue_shift(turns: float, saturation: float = 1.0, value: float = 1.0) -> np.ndarray:
    """(3, 3) colour matrix that turns the hue by ``turns`` of a full circle, in YIQ, and scales saturation and value."""
    c, s = saturation * np.cos(2 * np.pi * turns), saturation * np.sin(2 * np.pi * turns)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return value * np.linalg.inv(_TO_YIQ) @ turn @ _TO_YIQ


def cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) 0..1: half of clothes are black, white, grey or blue-ish, the rest of any colour."""
    if rng.random() < 0.5:
        return np.array(colorsys.hsv_to_rgb(rng.uniform(0.55, 0.7), rng.uniform(0, 0.35), rng.uniform(0.06, 0.95)))
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.2, 0.95), rng.uniform(0.15, 0.95)))


def skin_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) 0..1 on the line from fair to dark skin, with a little redness of its own."""
    t = rng.random()
    fair, dark = np.array([0.93, 0.75, 0.65]), np.array([0.28, 0.17, 0.12])
    return ((1 - t) * fair + t * dark) * (1 + rng.normal(0, 0.03, 3)).clip(0.9, 1.1)


def hair_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) 0..1: black to fair, grey, now and then dyed."""
    if rng.random() < 0.06:
        return np.array(colorsys.hsv_to_rgb(rng.random(), 0.7, 0.7))
    t, grey = rng.beta(1.2, 2.5), rng.random() < 0.15
    brown = (1 - t) * np.array([0.06, 0.05, 0.04]) + t * np.array([0.75, 0.55, 0.3])
    return np.full(3, rng.uniform(0.4, 0.8)) if grey else brown


def cloth_pattern(rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """(size, size, 3) uint8, tileable: plain, stripes, checks, dots or blotches of two colours."""
    a, b = cloth_colour(rng), cloth_colour(rng)
    y, x = np.mgrid[:size, :size] / size
    kind = rng.integers(5)
    if kind == 0:
        share = np.zeros_like(x)
    elif kind == 1:
        along = (x, y)[rng.integers(2)]
        share = ((along * rng.integers(1, 6)) % 1 < rng.uniform(0.15, 0.6)).astype(float)
    elif kind == 2:
        n, wide = rng.integers(1, 5), rng.uniform(0.2, 0.5)
        share = 0.5 * ((x * n % 1 < wide).astype(float) + (y * n % 1 < wide))
    elif kind == 3:
        n, radius = rng.integers(1, 5), rng.uniform(0.15, 0.4)
        share = (np.hypot(x * n % 1 - 0.5, y * n % 1 - 0.5) < radius).astype(float)
    else:
        share = sum(np.cos(2 * np.pi * (rng.integers(-3, 4) * x + rng.integers(-3, 4) * y + rng.random())) for _ in range(5))
        share = (share > rng.uniform(-1, 1)).astype(float)
    colour = a + share[..., None] * (b - a)
    return (255 * np.clip(colour * (1 + rng.normal(0, 0.03, (size, size, 1))), 0, 1)).astype(np.uint8)


def random_texture(rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """(size, size, 3) uint8 of everything and nothing, for objects and for walls when there are no photographs."""
    out = np.zeros((size, size, 3), np.float32)
    weight = 1.0
    for octave in (2, 4, 8, 16, 32):
        grid = rng.random((octave, octave, 3)).astype(np.float32)
        grid = 0.7 * grid.mean(-1, keepdims=True) + 0.3 * grid
        out += weight * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        weight *= rng.uniform(0.4, 0.9)
    out = (out - out.min()) / max(float(np.ptp(out)), 1e-6)
    a, b = cloth_colour(rng), cloth_colour(rng)
    return (255 * np.clip(a + out * (b - a), 0, 1)).astype(np.uint8)
