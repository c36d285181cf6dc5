"""Advisory locks on open files: they end with the file or the program, however that ends.

Windows has no such locks; there everything counts as free, but nobody can delete a file that is open. By hand, as what is
locked is the file itself, open already: filelock and portalocker lock a file of their own, by name, and leave it behind.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


def try_lock(descriptor: int) -> bool:
    """Lock without waiting; False if somebody else holds the lock."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # some network folders have no locks
    return True


def unlock(descriptor: int) -> None:
    """Let go of the lock at once: a forked child that inherited the file would keep it otherwise."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_locked(path: Path) -> bool:
    """Whether a program, this or another, holds the lock of this file. False where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock file while the block runs, and remove it after; gives False, at once, if somebody else holds it.

    Raises OSError where the file cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor, is_ours = os.open(path, flags, 0o644), False
        try:
            is_ours = try_lock(descriptor)
            if is_ours and not _is_still(path, descriptor):
                continue  # its last holder removed it between our two steps
            yield is_ours
            return
        finally:
            if is_ours and _is_still(path, descriptor):
                with contextlib.suppress(OSError):
                    path.unlink()
            os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether what is open is what has this name now."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False
