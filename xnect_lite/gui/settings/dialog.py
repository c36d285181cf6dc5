"""The settings, page by page. Everything applies at once and is kept; nothing waits for an OK."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QSize, Qt, QTimer
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from xnect_lite.capture import list_cameras
from xnect_lite.errors import XnectError
from xnect_lite.gui import theme
from xnect_lite.gui.settings.comparison import Comparison
from xnect_lite.gui.settings.sending import open_sender
from xnect_lite.gui.settings.values import COUNTDOWNS, RATES, RESOLUTIONS, pipeline_config
from xnect_lite.models.names import BACKBONE_NAMES

if TYPE_CHECKING:
    from xnect_lite.gui.main_window import MainWindow

_APPLY_MS = 350  # after the last change, so that a slider does not load a network for every step
_BACKENDS = ("auto", "openvino", "onnxruntime", "torch", "compiled", "cudagraph")
_PRECISIONS = ("auto", "fp32", "fp16", "bf16")
_NETWORK = ("backbone", "backend", "precision", "device")

Choices = list[tuple[str, Any]]


def show_settings(window: MainWindow) -> SettingsDialog:
    """Beside the window, which goes on working and shows what each change does."""
    dialog = SettingsDialog(window)
    dialog.show()
    return dialog


class SettingsDialog(QDialog):
    """Pages on the left, their settings on the right."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Settings")
        self._window, self._keeper = window, window.settings
        self.fields: dict[str, QWidget] = {}
        self._dependent: list[Callable[[], None]] = []
        self._pages = QListWidget()
        self._pages.setAccessibleName("Pages")
        self._pages.setFixedWidth(140)
        self._stack = QStackedWidget()
        self._pages.currentRowChanged.connect(self._stack.setCurrentIndex)
        self._trouble = QLabel()
        self._trouble.setWordWrap(True)
        self._trouble.setStyleSheet(f"color: {theme.current().danger};")
        self._trouble.hide()
        self.comparison = Comparison(window.session, window.worker)
        self._apply_timer = QTimer(self)
        self._apply_timer.setSingleShot(True)
        self._apply_timer.setInterval(_APPLY_MS)
        self._apply_timer.timeout.connect(self.apply)
        self._build()
        self._pages.setCurrentRow(0)
        self._show_dependent()
        theme.fit(self, 660, 460)

    # --- pages

    def _build(self) -> None:
        for title, fill in (
            ("Camera", self._camera), ("Network", self._network), ("Motion", self._motion), ("Lens and floor", self._lens),
            ("Recording", self._recording), ("Looks", self._looks),
        ):  # fmt: skip
            self._page(title, fill)
        body = QHBoxLayout()
        body.setSpacing(12)
        body.addWidget(self._pages)
        body.addWidget(self._stack, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        reset = buttons.addButton("Reset to defaults", QDialogButtonBox.ButtonRole.ResetRole)
        reset.clicked.connect(self.reset)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.addLayout(body, 1)
        column.addWidget(self._trouble)
        column.addWidget(buttons)

    def _page(self, title: str, fill: Callable[[QFormLayout], None]) -> None:
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(8, 8, 16, 8)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        fill(form)
        scroll = QScrollArea()
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        item = QListWidgetItem(title)
        item.setSizeHint(QSize(0, self.fontMetrics().height() + 16))
        self._pages.addItem(item)
        self._stack.addWidget(scroll)

    def _camera(self, form: QFormLayout) -> None:
        now = self._keeper.now
        cameras: Choices = [("As chosen in the toolbar", "")]
        cameras += [(camera.name, f"camera:{camera.path}" if camera.path else str(camera.index)) for camera in list_cameras()]
        if now.camera and now.camera not in [value for _, value in cameras]:
            cameras.append((f"{now.camera} (not plugged in)", now.camera))
        self._choice(form, "Camera", "camera", cameras)
        self._tick(form, "Start it with the app", "start_camera")
        self._choice(
            form, "Resolution", "resolution", [(r.replace("x", " × ") or "As the camera has it", r) for r in RESOLUTIONS]
        )
        self._choice(form, "Frames a second", "rate", [(f"{r:g}" if r else "As the camera has it", r) for r in RATES])
        self._tick(form, "Mirror the preview", "mirror")
        self._hint(form, "Only the picture on the screen is mirrored. What is recorded has left and right where they are.")
        start = QPushButton("See it now")
        start.setToolTip("Start the camera with these settings")
        start.setAutoDefault(False)
        start.clicked.connect(lambda: self._window.open_camera(self._keeper.now.camera or "0"))
        form.addRow("", start)

    def _network(self, form: QFormLayout) -> None:
        self._choice(form, "Backbone", "backbone", [(name, name) for name in BACKBONE_NAMES])
        self._choice(form, "Back end", "backend", [(_auto(name), name) for name in _BACKENDS])
        self._choice(form, "Precision", "precision", [(_auto(name), name) for name in _PRECISIONS])
        self._choice(form, "Device", "device", devices(self._keeper.now.device))
        self._number(form, "Most people", "max_people", 1, 100)
        form.addRow(self.comparison)

    def _motion(self, form: QFormLayout) -> None:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setAccessibleName("Smoothing")
        words = QLabel()
        words.setMinimumWidth(self.fontMetrics().horizontalAdvance("100 %"))
        slider.valueChanged.connect(lambda value: words.setText(f"{value} %"))
        slider.setValue(round(100 * self._keeper.now.smoothing))
        slider.valueChanged.connect(lambda value: self.change(smoothing=value / 100))
        self.fields["smoothing"] = slider
        row = QHBoxLayout()
        row.addWidget(slider)
        row.addWidget(words)
        form.addRow("Smoothing", row)
        self._hint(form, "More is steadier, and follows quick motion later.")
        self._decimal(form, "Height of people", "stature_m", 0.0, 3.0, 0.01, " m", special="1.70 m, assumed")
        self._hint(form, "Fixes the scale: of one camera, a child nearby and an adult far away look alike.")
        self._tick(form, "Hold standing feet where they stand", "foot_lock")

    def _lens(self, form: QFormLayout) -> None:
        self._choice(form, "Lens", "lens", [("Not known", "unknown"), ("Field of view", "fov"), ("Calibration file", "file")])
        self._decimal(form, "Field of view", "fov_deg", 1.0, 170.0, 1.0, "°", needs=("lens", "fov"))
        self._path(form, "Calibration", "intrinsics", needs=("lens", "file"))
        floors = [("Found from people's feet", "estimated"), ("Given by the next lines", "given"), ("Level camera", "level")]
        self._choice(form, "Floor", "floor", floors)
        self._decimal(form, "Camera looks down by", "pitch_deg", -90.0, 90.0, 1.0, "°", needs=("floor", "given"))
        self._decimal(form, "Camera's height", "camera_height_m", 0.0, 100.0, 0.05, " m", special="not known")

    def _recording(self, form: QFormLayout) -> None:
        self._path(form, "Takes folder", "takes", is_folder=True)
        self._choice(form, "Countdown", "countdown_s", [(f"{n} s" if n else "None", n) for n in COUNTDOWNS])
        self._tick(form, "Keep the video beside the poses", "keep_video")
        self._hint(form, "A take with its video can be checked, processed again without lost frames, and mended by eye.")
        self._tick(form, "Send everybody live as OSC (VMC protocol)", "osc")
        self._text(form, "OSC receiver", "osc_address", needs=("osc", True))
        self._hint(form, "HOST:PORT of the first person; each further person has the next port.")
        actions: Choices = [("processed frame by frame", "process"), ("previewed live", "preview")]
        self._choice(form, "A dropped video is", "file_action", actions)

    def _looks(self, form: QFormLayout) -> None:
        looks: Choices = [("As the system", "system"), ("Dark", "dark"), ("Light", "light")]
        self._choice(form, "Appearance", "appearance", looks)

    # --- rows

    def _choice(self, form: QFormLayout, title: str, name: str, choices: Choices) -> None:
        box = QComboBox()
        box.setAccessibleName(title)
        for words, value in choices:
            box.addItem(words, value)
        box.setCurrentIndex(max(0, box.findData(getattr(self._keeper.now, name))))
        box.activated.connect(lambda _: self.change(**{name: box.currentData()}))
        self._add(form, title, name, box)

    def _tick(self, form: QFormLayout, title: str, name: str) -> None:
        box = QCheckBox(title)
        box.setChecked(bool(getattr(self._keeper.now, name)))
        box.toggled.connect(lambda is_on: self.change(**{name: is_on}))
        self._add(form, "", name, box)

    def _number(self, form: QFormLayout, title: str, name: str, least: int, most: int) -> None:
        box = QSpinBox()
        box.setRange(least, most)
        box.setAccessibleName(title)
        box.setValue(getattr(self._keeper.now, name))
        box.valueChanged.connect(lambda value: self.change(**{name: value}))
        self._add(form, title, name, box)

    def _decimal(
        self, form: QFormLayout, title: str, name: str, least: float, most: float, step: float, unit: str,
        *, special: str = "", needs: tuple[str, str] | None = None,
    ) -> None:  # fmt: skip
        box = QDoubleSpinBox()
        box.setRange(least, most)
        box.setDecimals(2 if step < 1 else 1)
        box.setSingleStep(step)
        box.setSuffix(unit)
        box.setSpecialValueText(special)
        box.setAccessibleName(title)
        box.setValue(getattr(self._keeper.now, name))
        box.valueChanged.connect(lambda value: self._change_decimal(name, value, least))
        self._add(form, title, name, box, needs)

    def _change_decimal(self, name: str, value: float, least: float) -> None:
        if name == "stature_m" and 0 < value < 0.3:  # on the way from "assumed" to a height
            value = 0.3 if self._keeper.now.stature_m == 0 else 0.0
        self.change(**{name: max(least, value)})

    def _text(self, form: QFormLayout, title: str, name: str, needs: tuple[str, object]) -> None:
        field = QLineEdit(str(getattr(self._keeper.now, name)))
        field.setAccessibleName(title)
        field.editingFinished.connect(lambda: self.change(**{name: field.text().strip()}))
        self._add(form, title, name, field, needs)

    def _path(
        self, form: QFormLayout, title: str, name: str, *, is_folder: bool = False, needs: tuple[str, str] | None = None
    ) -> None:
        field, button, whole = QLineEdit(str(getattr(self._keeper.now, name))), QPushButton("Choose…"), QWidget()
        field.setAccessibleName(title)
        field.editingFinished.connect(lambda: self.change(**{name: field.text().strip()}))

        def choose() -> None:
            found = (
                QFileDialog.getExistingDirectory(self, title, str(Path(field.text()).expanduser()))
                if is_folder
                else QFileDialog.getOpenFileName(self, title, "", "Calibration (*.json *.yaml *.yml);;All files (*)")[0]
            )
            if found:
                field.setText(found)
                self.change(**{name: found})

        button.setAutoDefault(False)
        button.clicked.connect(choose)
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(field, 1)
        row.addWidget(button)
        self._add(form, title, name, whole, needs)
        self.fields[name] = field

    def _hint(self, form: QFormLayout, words: str) -> None:
        label = QLabel(words)
        label.setWordWrap(True)
        theme.mark(label, dim=True)
        form.addRow("", label)

    def _add(self, form: QFormLayout, title: str, name: str, field: QWidget, needs: tuple[str, object] | None = None) -> None:
        self.fields[name] = field
        form.addRow(title, field)
        if needs is not None:
            key, value = needs
            self._dependent.append(lambda: field.setEnabled(getattr(self._keeper.now, key) == value))

    # --- what they do

    def change(self, **values: object) -> None:
        """Keep other values; they apply a moment later."""
        if set(values) & set(_NETWORK):
            self.comparison.remember()
        try:
            self._keeper.change(**values)
        except XnectError as error:
            self._complain(str(error))
            return
        self._complain("")
        self._show_dependent()
        self._apply_timer.start()

    def apply(self) -> None:
        """What is kept is what is used."""
        try:
            config = pipeline_config(self._keeper.now, self._window.given_config)
        except XnectError as error:
            self._complain(str(error))
            return
        self._window.use_settings(config)
        try:
            self._window.session.send_to(open_sender(self._keeper.now))
        except XnectError as error:
            self._complain(str(error))

    def reset(self) -> None:
        """As on the first day."""
        self._keeper.reset()
        self.apply()
        self.close()

    def _complain(self, words: str) -> None:
        self._trouble.setText(words)
        self._trouble.setVisible(bool(words))

    def _show_dependent(self) -> None:
        for show in self._dependent:
            show()


def devices(kept: str) -> Choices:
    """What there is to run on. Asks torch only if it is there already: importing it takes seconds."""
    found: Choices = [("Automatic", "auto"), ("CPU", "cpu")]
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found += [(torch.cuda.get_device_name(n), f"cuda:{n}") for n in range(torch.cuda.device_count())]
    else:
        found.append(("GPU (CUDA)", "cuda"))
    return found if kept in [value for _, value in found] else [*found, (kept, kept)]


def _auto(name: str) -> str:
    return "Automatic: the fastest" if name == "auto" else name
