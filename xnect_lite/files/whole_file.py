"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from xnect_lite.files.locks import is_locked, try_lock

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` when the block ends; after an error nothing of it stays.

    A link of that name is replaced, never written through: a folder from elsewhere may hold one that leads anywhere.
    Raises OSError.
    """
    partial = path.with_name(path.name + ".tmp")
    if partial.is_symlink() or not is_locked(partial):
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()  # left by a program that was killed
    with open(os.open(partial, _NEW, 0o666), "wb") as file:
        try:
            try_lock(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "nt":  # which does not rename a file that is open
                file.close()
            os.replace(partial, path)
        except BaseException:
            file.close()
            with contextlib.suppress(OSError):
                partial.unlink()
            raise


@contextlib.contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """As `whole_file`, for a library that wants to open the file itself: the path of one beside it, with the same ending.

    Raises OSError.
    """
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file, which is made if it is missing; a link is refused. Raises OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags, 0o666), "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(line + "\n")
