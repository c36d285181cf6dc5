"""How the app looks, dark and light: one table of colours, a palette and a short style sheet made of it."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication, QWidget

from xnect_lite.gui.style import Style


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as #rrggbb. ``window`` lies behind everything, ``panel`` is what lists and fields are on."""

    is_dark: bool
    window: str
    panel: str
    raised: str
    border: str
    text: str
    dim: str
    accent: str
    on_accent: str
    danger: str
    warning: str


DARK = Theme(True, "#1c1e22", "#17191c", "#2a2d33", "#363a41", "#e4e7eb", "#949ba6", "#4a9eea", "#ffffff", "#e5484d", "#e6a23c")
LIGHT = Theme(
    False, "#f4f5f7", "#ffffff", "#e8eaee", "#d3d7dd", "#1c1f24", "#616975", "#1d6fd1", "#ffffff", "#cf2f34", "#a86400"
)
_RIM = (16, 48)  # pixels of a window's frame and of the space around it


def current() -> Theme:
    """The theme that is shown."""
    application = QApplication.instance()
    return DARK if application is not None and application.property("theme") == "dark" else LIGHT


def chosen(appearance: str) -> Theme:
    """The theme of ``dark``, ``light``, or as the ``system`` has it."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return DARK if appearance == "dark" or (appearance == "system" and scheme == Qt.ColorScheme.Dark) else LIGHT


def is_another(application: QApplication, appearance: str) -> bool:
    """Whether `apply` would change anything."""
    return application.property("theme") != ("dark" if chosen(appearance).is_dark else "light")


def apply(application: QApplication, appearance: str = "system") -> Theme:
    """Give the app its looks."""
    theme = chosen(appearance)
    application.setProperty("theme", "dark" if theme.is_dark else "light")
    application.setStyle(Style())
    application.setPalette(_palette(theme))
    application.setStyleSheet(style_sheet(theme))
    return theme


def _palette(theme: Theme) -> QPalette:
    palette, role, disabled = QPalette(), QPalette.ColorRole, QPalette.ColorGroup.Disabled
    for name, color in {
        role.Window: theme.window, role.WindowText: theme.text, role.Base: theme.panel, role.AlternateBase: theme.window,
        role.Text: theme.text, role.Button: theme.raised, role.ButtonText: theme.text, role.BrightText: theme.on_accent,
        role.Highlight: theme.accent, role.HighlightedText: theme.on_accent, role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text, role.PlaceholderText: theme.dim, role.Link: theme.accent, role.Mid: theme.border,
        role.Dark: theme.border, role.Midlight: theme.raised, role.Light: theme.raised, role.Shadow: theme.border,
    }.items():  # fmt: skip
        palette.setColor(name, QColor(color))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(disabled, name, QColor(theme.dim))
    return palette


def style_sheet(theme: Theme) -> str:
    """What the palette cannot say: spaces, corners, and buttons that are flat until the mouse is over them."""
    return f"""
QMainWindow::separator {{ background: {theme.border}; width: 1px; height: 1px; }}
QMenuBar {{ background: {theme.window}; padding: 2px 4px; }}
QMenuBar::item {{ padding: 4px 8px; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {theme.raised}; }}
QMenu {{ background: {theme.panel}; border: 1px solid {theme.border}; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {theme.accent}; color: {theme.on_accent}; }}
QMenu::item:disabled {{ color: {theme.dim}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {theme.border}; margin: 4px 8px; }}
QToolTip {{ background: {theme.raised}; color: {theme.text}; border: 1px solid {theme.border}; padding: 4px; }}
QToolBar {{ background: {theme.window}; border: 0; border-bottom: 1px solid {theme.border}; padding: 5px 8px; spacing: 4px; }}
QToolBar::separator {{ background: {theme.border}; width: 1px; margin: 4px 6px; }}
QToolButton {{ border: 0; border-radius: 5px; padding: 5px 9px; background: transparent; }}
QToolButton:hover {{ background: {theme.raised}; }}
QToolButton:pressed, QToolButton:checked {{ background: {theme.raised}; color: {theme.accent}; }}
QToolButton:disabled {{ color: {theme.dim}; }}
QToolButton:focus {{ border: 1px solid {theme.accent}; padding: 4px 8px; }}
QToolButton::menu-indicator {{ width: 0; image: none; }}
QPushButton {{ border: 1px solid {theme.border}; border-radius: 5px; padding: 6px 14px; background: {theme.raised}; }}
QPushButton:hover {{ border-color: {theme.dim}; }}
QPushButton:focus {{ border-color: {theme.accent}; }}
QPushButton:disabled {{ color: {theme.dim}; }}
QPushButton[primary="true"] {{ background: {theme.accent}; color: {theme.on_accent}; border-color: {theme.accent}; }}
QPushButton[primary="true"]:focus {{ border-color: {theme.text}; }}
QDockWidget {{ titlebar-close-icon: none; titlebar-normal-icon: none; }}
QDockWidget::title {{ background: {theme.window}; padding: 7px 10px; }}
QListView, QTreeView, QTableView {{ background: {theme.panel}; border: 0; outline: 0; }}
QListWidget::item {{ padding: 7px 10px; border-radius: 5px; }}
QListWidget::item:selected {{ background: {theme.raised}; color: {theme.text}; }}
QTableView::item {{ padding: 0 6px; }}
QTableView::item:selected {{ background: {theme.raised}; color: {theme.text}; }}
QHeaderView::section {{ background: {theme.window}; color: {theme.dim}; border: 0; padding: 4px 6px; }}
QStatusBar {{ background: {theme.window}; border-top: 1px solid {theme.border}; }}
QStatusBar::item {{ border: 0; }}
QStatusBar QLabel {{ color: {theme.dim}; padding: 2px 6px; }}
QProgressBar {{ border: 0; border-radius: 3px; background: {theme.raised}; height: 6px; text-align: center; }}
QProgressBar::chunk {{ border-radius: 3px; background: {theme.accent}; }}
QScrollBar:vertical {{ background: transparent; width: 10px; }}
QScrollBar::handle:vertical {{ background: {theme.border}; border-radius: 4px; min-height: 24px; margin: 1px; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; }}
QScrollBar::handle:horizontal {{ background: {theme.border}; border-radius: 4px; min-width: 24px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QLabel[dim="true"] {{ color: {theme.dim}; }}
QLabel[title="true"] {{ font-weight: 600; }}
QLabel[heading="true"] {{ font-size: 18pt; font-weight: 600; }}
QFrame#header {{ background: {theme.window}; border-bottom: 1px solid {theme.border}; }}
QFrame#header QLabel {{ color: {theme.dim}; }}
QFrame#header QToolButton {{ padding: 2px 7px; color: {theme.dim}; }}
QFrame#header QToolButton:hover {{ color: {theme.text}; }}
QSplitter::handle {{ background: {theme.border}; }}
QFrame#strip {{ background: {theme.window}; border-top: 1px solid {theme.border}; }}
"""


def fit(window: QWidget, width: int, height: int) -> None:
    """Give a dialog this size, or as much of it as there is room for on its screen."""
    screen = window.screen()
    room = screen.availableGeometry() if screen is not None else None
    if room is not None:
        width, height = min(width, room.width() - _RIM[0]), min(height, room.height() - _RIM[1])
    window.resize(width, height)


def mark(widget: QWidget, **properties: bool) -> QWidget:
    """``widget`` with properties that the style sheet asks for: dim, title, heading, primary."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    return widget
