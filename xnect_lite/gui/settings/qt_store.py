"""Settings in Qt's store: a text file on Linux and macOS, where the system keeps such files; never the registry."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QByteArray, QSettings


class QtStore:
    """A `Store` in a file of `QSettings`. ``file``: None = the user's own."""

    def __init__(self, file: Path | None = None) -> None:
        ini = QSettings.Format.IniFormat
        self._settings = (
            QSettings(str(file), ini) if file else QSettings(ini, QSettings.Scope.UserScope, "xnect_lite", "xnect_lite")
        )

    def text(self, name: str) -> str | None:
        """See `Store`."""
        value = self._settings.value(name)
        return value if isinstance(value, str) else None

    def data(self, name: str) -> bytes | None:
        """See `Store`."""
        value = self._settings.value(name)
        return value.data() if isinstance(value, QByteArray) else None

    def keep_text(self, name: str, value: str) -> None:
        """See `Store`."""
        self._settings.setValue(name, value)

    def keep_data(self, name: str, value: bytes) -> None:
        """See `Store`."""
        self._settings.setValue(name, QByteArray(value))

    def forget(self) -> None:
        """See `Store`."""
        self._settings.clear()
