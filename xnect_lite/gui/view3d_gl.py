"""The 3D view in OpenGL, on pyqtgraph's scene. Imported only where `gl_probe` found OpenGL to work.

pyqtgraph's third axis points up, so that a world point (X, Y, Z) goes in as (X, -Z, Y).
"""

from __future__ import annotations

import numpy as np
import pyqtgraph.opengl as gl
from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QKeyEvent, QPainter, QSurfaceFormat, QVector3D

from xnect_lite.gui.colors import CANVAS, FRUSTUM, GRID
from xnect_lite.gui.scene import Scene, grid_lines, triangles
from xnect_lite.gui.view3d_stage import OrbitMouse, Stage, paint_annotations

_SAMPLES = 4


class GLView(OrbitMouse, gl.GLViewWidget):
    """Draws a `Stage`.

    failed  (why) the context that had seemed to work did not; the widget is of no use any more.
    """

    failed = pyqtSignal(str)

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self._is_broken = False
        self._drawn: Scene | None = None
        surface = QSurfaceFormat(self.format())
        surface.setSamples(_SAMPLES)
        self.setFormat(surface)
        self.setBackgroundColor(CANVAS)
        self._grid = gl.GLLinePlotItem(color=_rgba(GRID), width=1.0, mode="lines", glOptions="opaque")
        self._frustum = gl.GLLinePlotItem(color=_rgba(FRUSTUM), width=1.5, mode="lines", antialias=True, glOptions="opaque")
        self._people = gl.GLMeshItem(smooth=False, computeNormals=False, glOptions="opaque")
        self._people.setVisible(False)
        self._frustum.setVisible(False)
        for item in (self._grid, self._frustum, self._people):
            self.addItem(item)
        self.redraw()

    def initializeGL(self) -> None:
        """Qt's."""
        try:
            super().initializeGL()
        except Exception as error:  # an exception that leaves a method called by Qt ends the program
            self._break(error)

    def paintGL(self) -> None:
        """Qt's."""
        if self._is_broken:
            return
        try:
            super().paintGL()
            painter = QPainter(self)
            paint_annotations(painter, self.stage, self.width(), self.height())
            painter.end()
        except Exception as error:
            self._break(error)

    def drawItemTree(self, item: object = None, useItemNames: bool = False) -> None:
        """pyqtgraph's, which prints errors and goes on for ever; here they reach `paintGL`."""
        array = getattr(self, "default_vao", None)  # core profiles draw nothing without one
        for shown in self.items:
            if shown.visible():
                if array is not None and array.isCreated():
                    array.bind()
                shown.paint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's. pyqtgraph's own keys would move a camera that `Framing` knows nothing of."""
        event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Qt's."""
        event.ignore()

    def redraw(self) -> None:
        """Bring pyqtgraph's items and camera up to the stage. Not while painting: every change asks for another paint."""
        stage, view = self.stage, self.stage.framing.view
        self.opts["fov"] = view.fov_deg
        self.opts["center"] = QVector3D(*_to_gl(np.array(view.target_m)).tolist())
        self.opts["distance"] = view.distance_m
        self.opts["azimuth"], self.opts["elevation"] = view.azimuth_deg - 90.0, view.elevation_deg
        grid = grid_lines(stage.scene.floor_m, view.target_m)
        self._grid.setData(pos=_to_gl(grid.reshape(-1, 3)))
        frustum = stage.frustum_m
        if frustum is not None:
            self._frustum.setData(pos=_to_gl(frustum.reshape(-1, 3)))
        self._frustum.setVisible(frustum is not None)
        if self._drawn is not stage.scene:
            corners, colors = triangles(stage.scene)
            if len(corners):
                self._people.setMeshData(vertexes=_to_gl(corners), vertexColors=colors)
            self._people.setVisible(bool(len(corners)))
            self._drawn = stage.scene
        self.update()

    def _break(self, error: Exception) -> None:
        self._is_broken = True
        self.failed.emit(f"OpenGL failed ({error})")


def _to_gl(points_m: np.ndarray) -> np.ndarray:
    """(..., 3) world -> (..., 3) float32 in pyqtgraph's axes."""
    return np.stack([points_m[..., 0], -points_m[..., 2], points_m[..., 1]], -1).astype(np.float32)


def _rgba(rgb: tuple[int, int, int]) -> tuple[float, float, float, float]:
    return rgb[0] / 255, rgb[1] / 255, rgb[2] / 255, 1.0
