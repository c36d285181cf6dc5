"""Converted networks, kept between runs in the user's cache folder.

An entry is a folder of files and ``entry.json`` with their sha256. Whatever is damaged, half written or cannot be written
counts as absent: a cache must never be the reason that something fails. OpenVINO's own CACHE_DIR comes after it: it keeps what
was compiled, for one processor and input size, not the conversion from torch.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from xnect_lite.inference.weights import sha256

_log = logging.getLogger(__name__)
_MOST_ENTRIES = 6  # about 40 MB each; those unused for longest go first


def cache_folder() -> Path:
    """Where converted networks are kept."""
    return Path(platformdirs.user_cache_dir("xnect-lite")) / "converted"


def find(key: str) -> Path | None:
    """Folder of the entry, or None if it is absent or damaged."""
    folder = cache_folder() / key
    try:
        digests = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
        if not digests or any(sha256(folder / name) != digest for name, digest in digests.items()):
            return None
        with contextlib.suppress(OSError):  # a folder that is only to be read is as good
            os.utime(folder)
    except (OSError, ValueError, AttributeError):
        return None
    return folder


def store(key: str, write: Callable[[Path], None]) -> Path | None:
    """Let ``write`` put files into a new folder and keep it as this entry; None, with one warning, if they cannot be written.

    ``write`` says so with an OSError, or a RuntimeError as OpenVINO does.
    """
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=cache_folder()))
    except OSError as error:
        _warn(error)
        return None
    try:
        write(part)
        digests = {file.name: sha256(file) for file in part.iterdir()}
        (part / "entry.json").write_text(json.dumps(digests), encoding="utf-8")
        shutil.rmtree(cache_folder() / key, ignore_errors=True)
        os.replace(part, cache_folder() / key)
    except (OSError, RuntimeError) as error:
        _warn(error)
        return None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _prune()
    return find(key)


def _warn(error: Exception) -> None:
    cause = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), "no reason given")
    _log.warning("%s cannot be written (%s): the network is converted anew at every start", cache_folder(), cause)


def _prune() -> None:
    def age(folder: Path) -> float:
        try:
            return folder.stat().st_mtime
        except OSError:  # another process was faster
            return 0.0

    entries = sorted((p for p in cache_folder().iterdir() if not p.name.startswith(".")), key=age, reverse=True)
    for folder in entries[_MOST_ENTRIES:]:
        shutil.rmtree(folder, ignore_errors=True)
