"""What is drawn at random for training canvases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from xnect_lite.files.values import Deviation, Range, Share


@dataclass(frozen=True)
class AugmentConfig:
    """What is drawn at random for every canvas."""

    mosaic: Share = 0.4  # share of canvases made of four pictures
    background: Share = 0.06  # share of tiles that show a picture without people
    min_person_net_px: Annotated[float, Range(0, 4096, "(]")] = 45.0  # person height is log-uniform from here ...
    max_person_share: Annotated[float, Range(0, 100, "(]")] = 1.25  # ... to this share of the canvas's shorter side
    whole_picture: Share = 0.25  # share of single tiles that show the whole picture, letterboxed
    cut_by_border: Share = 0.12  # share of views of one upright person that end between waist and chest, as at a desk
    rotation_deg: Annotated[float, Range(0, 180)] = 20.0  # standard deviation, cut at 45
    any_rotation: Share = 0.08  # share turned by any angle
    aspect: Deviation = 0.08  # standard deviation of the log of the aspect change
    flip: Share = 0.5
    fill: Share = 0.85  # a view of a person shows at least this share of its tile's sides, so steps are not spent on grey
    paste: Share = 0.15  # share of canvases of one picture into which people are pasted, where silhouettes are known
    colour: Deviation = 0.2  # strength of brightness, contrast, saturation and channel gains
    grey: Share = 0.125  # share with no or next to no colour, as at dusk or from old films
    blur: Share = 0.15  # share blurred
    low_resolution: Share = 0.25  # share reduced and enlarged again
    cut_out: Share = 0.3  # share with a rectangle painted over
    noise: Share = 0.15  # share with sensor noise
    jpeg: Share = 0.1  # share compressed, quality 15 to 90
