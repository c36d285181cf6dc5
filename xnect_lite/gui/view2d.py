"""The picture, with the skeletons that were found in it drawn on it."""

from __future__ import annotations

import dataclasses
import time

import cv2
import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PyQt6.QtWidgets import QWidget

from xnect_lite.gui.colors import CANVAS, CANVAS_TEXT, CAUTION, RECORD
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.picking import REACH_PX, nearest_person
from xnect_lite.gui.view3d_stage import paint_label
from xnect_lite.record.painting import draw_overlay, label_anchor_px
from xnect_lite.record.ponder import draw_ponder, ponder_in_picture
from xnect_lite.types import PoseResult

_MIN_SIZE = QSize(240, 150)


@dataclasses.dataclass(frozen=True, slots=True)
class Badge:
    """What must be in sight, whatever else is shown. ``is_on``: a red dot; ``note``: something to worry about."""

    text: str
    is_on: bool = False
    note: str = ""


class View2D(QWidget):
    """Shows one result: its own frame, never a newer one, scaled to fit without distortion.

    looks:   colours, names, mirror.
    painted  (milliseconds) a new result is on the screen; what it took since it was given.
    clicked  (identity) somebody was clicked at; 0 = nobody.
    """

    painted = pyqtSignal(float)
    clicked = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None, looks: Looks | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("view2d")
        self.setAccessibleName("Picture with skeletons")
        self.setMinimumSize(_MIN_SIZE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.looks = looks or Looks()
        self.skeletons, self.ids, self.ponder = True, True, False
        self.burnt = False  # skeletons are in the pictures already
        self._message = ""
        self._badge: Badge | None = None
        self._countdown = 0
        self._result: PoseResult | None = None
        self._picture: QImage | None = None
        self._given_s: float | None = None  # clock when a picture came that has not been painted yet

    @property
    def result(self) -> PoseResult | None:
        """What is shown."""
        return self._result

    def show_result(self, result: PoseResult) -> None:
        """Show a new result."""
        self._given_s = time.perf_counter()
        self._result, self._message = result, ""
        self._prepare()

    def show_message(self, text: str) -> None:
        """Words in the middle; over the last picture, if there is one."""
        self._message = text
        self.update()

    def show_badge(self, badge: Badge | None, countdown: int = 0) -> None:
        """What is being recorded, and the seconds until it is."""
        if (badge, countdown) != (self._badge, self._countdown):
            self._badge, self._countdown = badge, countdown
            self.update()

    @property
    def badge(self) -> Badge | None:
        """What is shown of a recording."""
        return self._badge

    def clear(self) -> None:
        """Forget the last picture."""
        self._result = self._picture = None
        self.update()

    def refresh(self) -> None:
        """The looks have changed."""
        self._prepare()

    def set_layers(self, *, skeletons: bool, ids: bool, ponder: bool = False) -> None:
        """What is drawn over the picture."""
        self.skeletons, self.ids, self.ponder = skeletons, ids, ponder
        self._prepare()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Qt's."""
        self._prepare()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton) and self._result is not None:
            self.clicked.emit(self.person_at(event.position()))
        super().mousePressEvent(event)

    def person_at(self, place: QPointF) -> int:
        """The identity under this place of the widget; 0 = nobody."""
        box = self._box()
        if self._result is None or box.isEmpty():
            return 0
        width, height = self._result.frame.size
        x, y = (place.x() - box.left()) * width / box.width(), (place.y() - box.top()) * height / box.height()
        x = width - x if self.looks.mirrored else x
        people = self._result.people
        return nearest_person(people.joints_px, people.ids, x - 0.5, y - 0.5, REACH_PX * width / box.width())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(*CANVAS))
        if self._picture is not None:
            painter.drawImage(self._box(), self._picture)
            if self.ids and not self.burnt:
                self._paint_labels(painter, self._box())
        if self._message:
            self._paint_message(painter)
        if self._countdown:
            self._paint_countdown(painter)
        if self._badge is not None:
            self._paint_badge(painter, self._badge)
        painter.end()
        if self._given_s is not None:
            spent_ms, self._given_s = (time.perf_counter() - self._given_s) * 1e3, None
            self.painted.emit(spent_ms)

    def _box(self) -> QRectF:
        if self._picture is None:
            return QRectF()
        size = self._picture.deviceIndependentSize()
        return QRectF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height())

    def _prepare(self) -> None:
        """Scale first, then draw: lines stay crisp, and a large frame costs no more than the window."""
        if self._result is not None:
            ratio = self.devicePixelRatioF()
            width, height = round(self.width() * ratio), round(self.height() * ratio)
            is_drawn = not self.burnt
            image = compose(
                self._result,
                width,
                height,
                skeletons=self.skeletons and is_drawn,
                looks=self.looks,
                ponder=self.ponder,
            )
            height, width = image.shape[:2]
            shared = QImage(image.data, width, height, 3 * width, QImage.Format.Format_RGB888)  # type: ignore[call-overload]
            self._picture = shared.copy()  # it would outlive NumPy's memory
            self._picture.setDevicePixelRatio(ratio)
        self.update()

    def _paint_labels(self, painter: QPainter, box: QRectF) -> None:
        """With the letters of the window, not of the picture: as large as those in space, however large the picture is."""
        assert self._result is not None
        width, height = self._result.frame.size
        people, looks = self._result.people, self.looks
        half = painter.fontMetrics().height() / 2 + 6
        for identity, joints_px in zip(people.ids.tolist(), people.joints_px, strict=True):
            anchor = label_anchor_px(joints_px, width, height)
            if anchor is None:
                continue
            x, y = (float(anchor[0]) + 0.5) / width, (float(anchor[1]) + 0.5) / height
            x = 1 - x if looks.mirrored else x
            place = QPointF(box.left() + x * box.width(), max(box.top() + y * box.height() - half, box.top() + half))
            color, is_chosen = QColor(*looks.color_of(identity)), identity == looks.chosen != 0
            paint_label(painter, place, looks.label_of(identity), color, is_chosen=is_chosen)
        painter.setFont(self.font())

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

    def _paint_countdown(self, painter: QPainter) -> None:
        font = QFont(self.font())
        font.setPixelSize(max(48, min(self.width(), self.height()) // 3))
        font.setBold(True)
        painter.setFont(font)
        for color, shift in ((QColor(0, 0, 0, 150), 2), (QColor(255, 255, 255), 0)):
            painter.setPen(color)
            painter.drawText(self.rect().translated(shift, shift), Qt.AlignmentFlag.AlignCenter, str(self._countdown))

    def _paint_badge(self, painter: QPainter, badge: Badge) -> None:
        painter.setFont(self.font())
        metrics = painter.fontMetrics()
        text = f"{badge.text}   {badge.note}" if badge.note else badge.text
        height = metrics.height() + 12
        width = min(metrics.horizontalAdvance(text) + 44, self.width() - 24)
        box = QRectF(12, 12, width, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(12, 13, 15, 215))
        painter.drawRoundedRect(box, height / 2, height / 2)
        dot = QPointF(box.left() + 18, box.center().y())
        painter.setBrush(QColor(*RECORD) if badge.is_on else Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(*RECORD), 2))
        painter.drawEllipse(dot, 5, 5)
        room = box.adjusted(32, 0, -10, 0)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(*CANVAS_TEXT))
        painter.drawText(room, flags, badge.text)
        painter.setPen(QColor(*CAUTION))
        painter.drawText(room.adjusted(metrics.horizontalAdvance(badge.text + "   "), 0, 0, 0), flags, badge.note)


def compose(
    result: PoseResult, width: int, height: int, *, skeletons: bool = True, looks: Looks | None = None, ponder: bool = False
) -> np.ndarray:
    """(h, w, 3) uint8 RGB, the result's frame with its skeletons, as large as fits into (width, height).

    ponder: in colours that say where a network with masks computed; of other networks there is nothing to say.
    """
    looks = looks or Looks()
    frame_width, frame_height = result.frame.size
    scale = min(width / frame_width, height / frame_height)
    size = (max(1, round(frame_width * scale)), max(1, round(frame_height * scale)))
    image = cv2.resize(result.frame.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if ponder and result.effort is not None:
        share = ponder_in_picture(result.effort, result.frame.size)
        image = draw_ponder(image, cv2.resize(share, size, interpolation=cv2.INTER_NEAREST))
    ratio = np.array(size, np.float32) / (frame_width, frame_height)
    joints_px = (result.people.joints_px + 0.5) * ratio - 0.5  # pixel centres map to pixel centres
    if looks.mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
        joints_px = joints_px * (-1, 1) + (size[0] - 1, 0)
    people = dataclasses.replace(result.people, joints_px=joints_px)
    return draw_overlay(
        image, people, skeletons=skeletons, ids=False, color_of=looks.color_of, chosen=looks.chosen,
    )  # fmt: skip
