"""The 3D view: people on the floor, in front of the camera that films them.

OpenGL (`view3d_gl`) draws it where there is a context that works, Qt's painter (`view3d_painter`) where there is none:
remote desktops, virtual machines, tests. Both show the same `Scene` from the same `OrbitView`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QStackedLayout, QWidget

from xnect_lite.gui.framing import Framing
from xnect_lite.gui.gl_probe import opengl_problem
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.picking import nearest_joint
from xnect_lite.gui.scene import FloorEstimate, Scene, build_scene
from xnect_lite.gui.view3d_stage import Stage
from xnect_lite.types import PoseResult

if TYPE_CHECKING:
    from xnect_lite.gui.view3d_gl import GLView
    from xnect_lite.gui.view3d_painter import PainterView


class View3D(QWidget):
    """Shows one result in space, and goes over to the plain painter if OpenGL fails.

    looks:   colours and names.
    clicked  (identity) somebody was clicked at; 0 = nobody.
    """

    clicked = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None, *, use_opengl: bool | None = None, looks: Looks | None = None) -> None:
        super().__init__(parent)
        self.looks = looks or Looks()
        self._fixed_floor_m: float | None = None
        self._result: PoseResult | None = None
        self.setAccessibleName("People in space")
        self.setObjectName("view3d")
        self.setMinimumSize(240, 150)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.stage = Stage(Scene.empty(), Framing(), on_click=self._pick)
        self._floor = FloorEstimate()
        self._layout = QStackedLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        problem = opengl_problem() if use_opengl is None else ("" if use_opengl else "not wanted")
        self.opengl_problem = problem
        self._canvas: GLView | PainterView
        if problem:
            self._use_painter()
        else:
            from xnect_lite.gui.view3d_gl import GLView

            gl_view = GLView(self.stage)
            gl_view.failed.connect(self._use_painter, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]
            self._put(gl_view)

    @property
    def drawn_by(self) -> str:
        """OpenGL, or why not."""
        return f"drawn without OpenGL: {self.opengl_problem}" if self.opengl_problem else "OpenGL"

    @property
    def canvas(self) -> GLView | PainterView:
        """The widget that draws."""
        return self._canvas

    def show_result(self, result: PoseResult) -> None:
        """Show a new result."""
        width, height = result.frame.size
        self.stage.camera = (width, height, result.focal_px)
        self._result = result
        floor_m = self._floor.update(result) if self._fixed_floor_m is None else self._fixed_floor_m
        looks = self.looks
        self.stage.scene = build_scene(
            result.people, floor_m, color_of=looks.color_of, label_of=looks.label_of, chosen=looks.chosen
        )
        self.stage.framing.follow(self.stage.scene.extent_m, self.width(), self.height())
        self._canvas.redraw()

    def refresh(self) -> None:
        """The looks have changed."""
        if self._result is not None:
            self.show_result(self._result)

    def fix_floor(self, floor_m: float | None) -> None:
        """The floor of a take, which is known from its start; None = as people's feet tell while they come."""
        self._fixed_floor_m = floor_m

    def clear(self) -> None:
        """Nobody there: another source starts."""
        self._result = None
        self._floor.reset()
        self.stage.scene = Scene.empty(self.stage.scene.floor_m)
        if self.stage.framing.automatic:
            self.stage.framing.reframe()
        self._canvas.redraw()

    def show_preset(self, name: str) -> None:
        """Look from a direction of `orbit.PRESETS`, at the people."""
        self.stage.look(name, self.width(), self.height())
        self._canvas.redraw()

    def set_ids(self, shown: bool) -> None:
        """Labels above heads."""
        self.stage.show_ids = shown
        self._canvas.redraw()

    def snapshot(self) -> QImage | None:
        """What OpenGL drew, which `QWidget.grab` gets only in part; None where `grab` does."""
        grab = getattr(self._canvas, "grabFramebuffer", None)
        return grab() if grab else None

    def _pick(self, x_px: float, y_px: float) -> None:
        scene, width, height = self.stage.scene, self.width(), self.height()
        points = self.stage.framing.view.project(scene.joints_m, width, height)
        self.clicked.emit(nearest_joint(points[:, :2], scene.owners, x_px, y_px))

    def _use_painter(self, problem: str = "") -> None:
        from xnect_lite.gui.view3d_painter import PainterView

        self.opengl_problem = problem or self.opengl_problem
        self._put(PainterView(self.stage))

    def _put(self, canvas: GLView | PainterView) -> None:
        before = self._layout.currentWidget()
        self._canvas = canvas
        self._layout.addWidget(canvas)
        canvas.lower()  # overlays stay above
        self._layout.setCurrentWidget(canvas)
        if before is not None:
            self._layout.removeWidget(before)
            before.deleteLater()
