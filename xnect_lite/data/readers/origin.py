"""Where a data set comes from, and what to say when part of it is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as short
from typing import Any

from xnect_lite.errors import XnectError
from xnect_lite.files.untrusted import load_json as from_text


@dataclass(frozen=True, slots=True)
class Origin:
    """A data set's name and official page."""

    title: str
    page: str

    def missing(self, what: str, folder: Path) -> XnectError:
        """The error for a file or folder of this data set that ``folder`` does not hold."""
        return XnectError(
            f"{self.title}: {what}",
            f"was not found in {folder}",
            f"Get it from {self.page}; docs/datasets.md shows the folders expected",
        )

    def find(self, folder: Path, *names: str) -> Path:
        """The first of ``names`` that is a file in ``folder``. Raises XnectError naming them all."""
        for name in names:
            if (folder / name).is_file():
                return folder / name
        raise self.missing(" or ".join(names), folder)

    def images_and_annotations(self, path: Path) -> tuple[list[Any], list[Any]]:
        """The two lists of a COCO-style JSON file. Raises XnectError if it has none."""
        data = load_json(path)
        images, annotations = (data.get("images"), data.get("annotations")) if isinstance(data, dict) else (None, None)
        if not isinstance(images, list) or not isinstance(annotations, list):
            raise XnectError(str(path), "has no lists 'images' and 'annotations'", f"Get it from {self.page}")
        return images, annotations


ODD_RECORD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What a record raises that does not hold what it should; it is left out and counted."""


def file_name(given: Any) -> str:
    """``given``, if it is a file's name alone and not a path. Raises ValueError."""
    if not isinstance(given, str) or given in ("", ".", "..") or set(given) & set("/\\:\0"):
        raise ValueError(f"{short(given)} is no file name")
    given.encode()  # half a character is none
    return given


def load_json(path: Path) -> Any:
    """Read a JSON file. Raises XnectError naming it."""
    try:
        return from_text(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise XnectError(str(path), f"cannot be read as JSON ({error})", "Fetch the file again") from error
