"""The 3D view: the painter everywhere, OpenGL where there is a real display."""

from __future__ import annotations

import numpy as np
import pytest
from gui_fakes import FakePipeline
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QGuiApplication, QImage, QWheelEvent
from PyQt6.QtTest import QTest

from xnect_lite.gui.gl_probe import opengl_problem
from xnect_lite.gui.view3d import View3D
from xnect_lite.record.painting import person_color
from xnect_lite.types import Frame

RESULT = FakePipeline().process(Frame(np.zeros((360, 640, 3), np.uint8), 0.0, 0))


@pytest.fixture(params=["painter", "opengl"])
def view(request, qtbot, keep):
    if request.param == "opengl" and (problem := opengl_problem()):
        pytest.skip(problem)
    view = keep(View3D(use_opengl=request.param == "opengl"))
    view.resize(500, 400)
    view.show()
    qtbot.waitExposed(view)
    return view


def _pixels(view):
    """(H, W, 3) of what is on the screen."""
    image = view.snapshot() or view.grab().toImage()
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def _columns_of(pixels, identity):
    """Mean column where somebody's hue is; shading leaves the ratio of channels as it is."""
    color = np.array(person_color(identity)) / np.linalg.norm(person_color(identity))
    length = np.linalg.norm(pixels, axis=-1)
    alike = (pixels @ color > 0.995 * length) & (length > 80)
    assert alike.sum() > 50, f"person {identity} is not there"
    return np.nonzero(alike)[1].mean()


def test_offscreen_there_is_no_opengl(qapp):
    if QGuiApplication.platformName() == "offscreen":
        assert "offscreen" in opengl_problem()


def test_people_are_on_their_side(view):
    view.show_result(RESULT)  # 1 stands left of 2, and nearer to the camera
    view.show_preset("front")
    pixels = _pixels(view)
    assert _columns_of(pixels, 1) < _columns_of(pixels, 2)
    view.show_preset("side")  # from the right: nearer to the camera is left
    pixels = _pixels(view)
    assert _columns_of(pixels, 1) < _columns_of(pixels, 2)


def test_an_empty_scene_and_hidden_ids_can_be_drawn(view):
    assert _pixels(view).std() > 0  # a floor
    view.show_result(RESULT)
    view.set_ids(False)
    view.clear()
    assert _pixels(view).std() > 0


def test_the_mouse_turns_shifts_zooms_and_resets(view):
    view.show_result(RESULT)
    canvas, framing = view.canvas, view.stage.framing
    start = framing.view

    def drag(button, keys=Qt.KeyboardModifier.NoModifier):
        QTest.mousePress(canvas, button, keys, QPoint(200, 200))
        moved = QPointF(230, 210)
        event = _move_event(canvas, moved, button, keys)
        canvas.mouseMoveEvent(event)
        QTest.mouseRelease(canvas, button, keys, moved.toPoint())

    drag(Qt.MouseButton.LeftButton)
    turned = framing.view
    assert turned.azimuth_deg != start.azimuth_deg and turned.target_m == start.target_m
    drag(Qt.MouseButton.MiddleButton)
    drag(Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier)
    assert framing.view.target_m != start.target_m and framing.view.azimuth_deg == turned.azimuth_deg
    canvas.wheelEvent(_wheel_event(canvas))
    assert framing.view.distance_m < start.distance_m and not framing.automatic
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton)
    assert framing.view == start and framing.automatic


def test_a_context_that_fails_later_gives_way_to_the_painter(qtbot, keep, monkeypatch):
    if problem := opengl_problem():
        pytest.skip(problem)
    view = keep(View3D(use_opengl=True))
    view.resize(500, 400)
    view.show()

    def fail():
        raise RuntimeError("context lost")

    monkeypatch.setattr(view.canvas.items[0], "paint", fail)
    view.show_result(RESULT)
    qtbot.waitUntil(lambda: type(view.canvas).__name__ == "PainterView", timeout=20000)
    assert "context lost" in view.opengl_problem
    _columns_of(_pixels(view), 1)


def _move_event(canvas, where, button, keys):
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QMouseEvent

    return QMouseEvent(QEvent.Type.MouseMove, where, canvas.mapToGlobal(where), button, button, keys)


def _wheel_event(canvas):
    where, none = QPointF(100, 100), Qt.KeyboardModifier.NoModifier
    return QWheelEvent(
        where,
        canvas.mapToGlobal(where),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        none,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
