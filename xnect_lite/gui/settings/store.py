"""Where settings are kept between runs. What is damaged is left out, with a line in the log; nothing else is lost by it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from pathlib import Path
from typing import Protocol

from xnect_lite.errors import XnectError, printable
from xnect_lite.gui.settings.values import Settings, as_texts, checked_settings

_LOG = logging.getLogger(__name__)


class Store(Protocol):
    """Keeps texts and bytes by name."""

    def text(self, name: str) -> str | None: ...
    def data(self, name: str) -> bytes | None: ...
    def keep_text(self, name: str, value: str) -> None: ...
    def keep_data(self, name: str, value: bytes) -> None: ...
    def forget(self) -> None: ...


class MemoryStore:
    """Keeps them while the program runs."""

    def __init__(self) -> None:
        self._values: dict[str, str | bytes] = {}

    def text(self, name: str) -> str | None:
        """See `Store`."""
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def data(self, name: str) -> bytes | None:
        """See `Store`."""
        value = self._values.get(name)
        return value if isinstance(value, bytes) else None

    def keep_text(self, name: str, value: str) -> None:
        """See `Store`."""
        self._values[name] = value

    def keep_data(self, name: str, value: bytes) -> None:
        """See `Store`."""
        self._values[name] = value

    def forget(self) -> None:
        """See `Store`."""
        self._values.clear()


def load_settings(store: Store) -> Settings:
    """What is kept; a value that cannot be understood is the default, and the log says so."""
    settings = Settings()
    for field in dataclasses.fields(Settings):
        text = store.text(f"settings/{field.name}")
        if text is None:
            continue
        try:
            value = json.loads(text)
            if isinstance(value, list):
                value = tuple(value)
            settings = checked_settings(dataclasses.replace(settings, **{field.name: value}))
        except (ValueError, RecursionError, XnectError) as error:
            _LOG.warning("setting '%s' is damaged and was left out (%s)", field.name, printable(str(error), 120))
    return settings


def save_settings(store: Store, settings: Settings) -> None:
    """Keep them."""
    for name, text in as_texts(settings).items():
        store.keep_text(f"settings/{name}", text)


class SettingsKeeper:
    """The settings of this run: asked by everybody, changed by dialogs, kept at once."""

    def __init__(self, store: Store | None = None) -> None:
        self.store: Store = store or MemoryStore()
        self.now = load_settings(self.store)

    def change(self, **values: object) -> Settings:
        """Other values for some of them. Raises XnectError, and changes nothing, for one that cannot be."""
        self.now = checked_settings(dataclasses.replace(self.now, **values))  # type: ignore[arg-type]
        save_settings(self.store, self.now)
        return self.now

    def reset(self) -> Settings:
        """As on the first day; recent files and the window's shape are forgotten, too."""
        self.store.forget()
        self.now = Settings()
        return self.now

    def remember_file(self, path: str) -> None:
        """A file was opened."""
        with contextlib.suppress(OSError):
            path = str(Path(path).expanduser().resolve())
        self.now = self.now.with_recent(path)
        save_settings(self.store, self.now)
