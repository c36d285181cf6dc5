"""Lifting by a configuration of the camera, as the tests say it in one line."""

from __future__ import annotations

from xnect_lite.camera.intrinsics import camera_for
from xnect_lite.camera.statures import assumed_stature_m
from xnect_lite.config import CameraConfig
from xnect_lite.stages.lifting.lift import Lift, lift_people, read_out
from xnect_lite.types import People


def lifted_in(people: People, size: tuple[int, int], config: CameraConfig, lift: Lift = read_out) -> People:
    """People of a picture of ``size`` (width, height)."""
    return lift_people(people, camera_for(size, config), assumed_stature_m(config), lift)
