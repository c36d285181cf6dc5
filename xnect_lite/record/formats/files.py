"""What all writers share: whole files, and packages that need not be installed."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from xnect_lite.errors import XnectError, install, next_step_of
from xnect_lite.files.whole_file import whole_file, whole_path
from xnect_lite.record.people import PersonSummary


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """`whole_file`, for users: raises XnectError where the file cannot be written."""
    with _told(path), whole_file(path) as file:
        yield file


@contextlib.contextmanager
def new_path(path: Path) -> Iterator[Path]:
    """A path for a library that wants to open the file itself; what it wrote there becomes ``path``, whole or not at all."""
    with _told(path), whole_path(path) as partial:
        yield partial


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the disk refuses, in words for users."""
    try:
        yield
    except OSError as error:
        raise XnectError(str(path), f"cannot be written ({error.strerror or error})", next_step_of(error)) from error


def library(module: str, what: str, extra: str = "formats") -> ModuleType:
    """A package of one of our extras. Raises XnectError that names the extra where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise XnectError(what, f"needs the package {module.split('.')[0]}, which is not installed", install(extra)) from error


def person_path(folder: Path, person: PersonSummary, suffix: str) -> Path:
    """``folder``/person02.trc of the person with id 2."""
    return folder / f"person{person.id:02d}.{suffix}"


def subject(person: PersonSummary) -> str:
    """What the person is called in a file: the name, or person02."""
    return person.name or f"person{person.id:02d}"
