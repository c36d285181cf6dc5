"""What a studio is equipped with in tests: people of boxes, and OpenGL to draw them."""

from __future__ import annotations

from pathlib import Path

from offscreen import renderer
from tiny_bodies import tiny_bodies

from xnect_lite.synth.body import BodySet, save_bodies
from xnect_lite.synth.studio import Assets


def box_assets(folder: Path, size: tuple[int, int], bodies: BodySet | None = None) -> Assets:
    """The bodies (none given: two of `tiny_bodies`) as a file in ``folder``; skips the test where ``size`` cannot be drawn."""
    renderer(size).close()
    path = folder / "bodies.npz"
    save_bodies(path, bodies or tiny_bodies())
    return Assets(bodies=str(path))
