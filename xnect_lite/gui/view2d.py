"""The picture, with the skeletons that were found in it drawn on it."""

from __future__ import annotations

import dataclasses
import time

import cv2
import numpy as np
from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from xnect_lite.gui.colors import CANVAS, CANVAS_TEXT
from xnect_lite.record.painting import draw_overlay
from xnect_lite.types import PoseResult

_MIN_SIZE = QSize(240, 180)


class View2D(QWidget):
    """Shows one result: its own frame, never a newer one, scaled to fit without distortion.

    painted  (milliseconds) a new result is on the screen; what preparing and painting it took.
    """

    painted = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("view2d")
        self.setMinimumSize(_MIN_SIZE)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.skeletons, self.ids = True, True
        self._message = ""
        self._result: PoseResult | None = None
        self._picture: QImage | None = None
        self._spent_ms: float | None = None  # preparing a picture that has not been painted yet

    @property
    def result(self) -> PoseResult | None:
        """What is shown."""
        return self._result

    def show_result(self, result: PoseResult) -> None:
        """Show a new result."""
        begin_s = time.perf_counter()
        self._result, self._message = result, ""
        self._prepare()
        self._spent_ms = (time.perf_counter() - begin_s) * 1e3

    def show_message(self, text: str) -> None:
        """Words in the middle; over the last picture, if there is one."""
        self._message = text
        self.update()

    def clear(self) -> None:
        """Forget the last picture."""
        self._result = self._picture = None
        self.update()

    def set_layers(self, *, skeletons: bool, ids: bool) -> None:
        """What is drawn over the picture."""
        self.skeletons, self.ids = skeletons, ids
        self._prepare()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Qt's."""
        self._prepare()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's."""
        begin_s = time.perf_counter()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(*CANVAS))
        if self._picture is not None:
            size = self._picture.deviceIndependentSize()
            corner = QRectF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height())
            painter.drawImage(corner, self._picture)
        if self._message:
            self._paint_message(painter)
        painter.end()
        if self._spent_ms is not None:
            spent_ms, self._spent_ms = self._spent_ms + (time.perf_counter() - begin_s) * 1e3, None
            self.painted.emit(spent_ms)

    def _prepare(self) -> None:
        """Scale first, then draw: lines stay crisp, and a large frame costs no more than the window."""
        if self._result is not None:
            ratio = self.devicePixelRatioF()
            image = compose(
                self._result, round(self.width() * ratio), round(self.height() * ratio), skeletons=self.skeletons, ids=self.ids
            )
            height, width = image.shape[:2]
            shared = QImage(image.data, width, height, 3 * width, QImage.Format.Format_RGB888)  # type: ignore[call-overload]
            self._picture = shared.copy()  # it would outlive NumPy's memory
            self._picture.setDevicePixelRatio(ratio)
        self.update()

    def _paint_message(self, painter: QPainter) -> None:
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        painter.setFont(font)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        room = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        text = painter.boundingRect(room, flags, self._message).adjusted(-16, -12, 16, 12)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 160 if self._picture is not None else 0))
        painter.drawRoundedRect(text, 8, 8)
        painter.setPen(QColor(*CANVAS_TEXT))
        painter.drawText(room, flags, self._message)


def compose(result: PoseResult, width: int, height: int, *, skeletons: bool = True, ids: bool = True) -> np.ndarray:
    """(h, w, 3) uint8 RGB, the result's frame with its overlay, as large as fits into (width, height)."""
    frame_width, frame_height = result.frame.size
    scale = min(width / frame_width, height / frame_height)
    size = (max(1, round(frame_width * scale)), max(1, round(frame_height * scale)))
    image = cv2.resize(result.frame.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    ratio = np.array(size, np.float32) / (frame_width, frame_height)
    joints_px = (result.people.joints_px + 0.5) * ratio - 0.5  # pixel centres map to pixel centres
    people = dataclasses.replace(result.people, joints_px=joints_px)
    return draw_overlay(image, people, skeletons=skeletons, ids=ids)
