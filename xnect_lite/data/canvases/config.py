"""What is drawn at random for training canvases."""

from __future__ import annotations

from dataclasses import dataclass

SHARES = (
    "mosaic", "background", "whole_picture", "cut_by_border", "any_rotation", "flip", "paste", "grey", "blur", "low_resolution",
    "cut_out", "noise", "jpeg",
)  # fmt: skip
"""Keys of `AugmentConfig` that say how often something happens, 0 to 1."""


@dataclass(frozen=True)
class AugmentConfig:
    """What is drawn at random for every canvas."""

    mosaic: float = 0.4  # share of canvases made of four pictures
    background: float = 0.06  # share of tiles that show a picture without people
    min_person_net_px: float = 45.0  # person height is log-uniform from here ...
    max_person_share: float = 1.25  # ... to this share of the canvas's shorter side
    whole_picture: float = 0.25  # share of single tiles that show the whole picture, letterboxed
    cut_by_border: float = 0.12  # share of views of one upright person that end between waist and chest, as at a desk
    rotation_deg: float = 20.0  # standard deviation, cut at 45
    any_rotation: float = 0.08  # share turned by any angle
    aspect: float = 0.08  # standard deviation of the log of the aspect change
    flip: float = 0.5
    fill: float = 0.85  # a view of a person shows at least this share of its tile's sides, so steps are not spent on grey
    paste: float = 0.15  # share of canvases of one picture into which people are pasted, where silhouettes are known
    colour: float = 0.2  # strength of brightness, contrast, saturation and channel gains
    grey: float = 0.125  # share with no or next to no colour, as at dusk or from old films
    blur: float = 0.15  # share blurred
    low_resolution: float = 0.25  # share reduced and enlarged again
    cut_out: float = 0.3  # share with a rectangle painted over
    noise: float = 0.15  # share with sensor noise
    jpeg: float = 0.1  # share compressed, quality 15 to 90
