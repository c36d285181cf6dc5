"""A pickle that shows whether anybody executed it."""

from __future__ import annotations

from pathlib import Path


class Bomb:
    """Creates the file ``marker`` when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))
