"""Tests that draw need OpenGL over EGL; where there is none they are skipped and say so."""

from __future__ import annotations

import pytest

from xnect_lite.errors import XnectError
from xnect_lite.synth.renderer import Renderer


def renderer(size: tuple[int, int]) -> Renderer:
    try:
        return Renderer(size)
    except XnectError as error:
        pytest.skip(str(error))
