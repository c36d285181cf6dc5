"""A folder of training archives: ``manifest.json`` lists them, and says what they were made from and on which terms.

``xnect-lite data pack`` writes such folders, and so does ``xnect-lite synth render``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.archives.archive import SPLITS, read_archive, stored_bytes, write_archive
from xnect_lite.data.sample import Sample
from xnect_lite.errors import XnectError

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
_AGAIN = "Make it again with xnect-lite data pack or synth render"


def read_packed(path: str | Path, split: str) -> list[Sample]:
    """The samples of one split of an archive, or of a folder of them.

    Raises XnectError naming the file that is missing, damaged or of another version.
    """
    path = Path(path)
    if not path.is_dir():
        return read_archive(path, split)
    return [sample for part in read_manifest(path)["parts"] for sample in read_archive(path / part["file"], split)]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder. Raises XnectError if it is none, of another version, or a file it lists is missing."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        names = [name for part in manifest["parts"] for name in (part["file"], part.get("truth", part["file"]))]
        version = manifest["schema_version"]
    except OSError as error:
        raise XnectError(str(path), f"cannot be read ({error.strerror})", _AGAIN) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise XnectError(str(path), f"is no manifest of training archives ({error!r})", _AGAIN) from error
    if version != SCHEMA_VERSION:
        raise XnectError(str(path), f"has version {version}, not {SCHEMA_VERSION}", _AGAIN)
    for name in map(str, names):
        if Path(name).name != name or not (folder / name).is_file():
            raise XnectError(str(folder / name), "is missing, though the manifest lists it", "Copy the folder again, whole")
    return manifest


def write_manifest(folder: Path, entries: dict[str, Any]) -> None:
    """Write the manifest, last of all: a folder without one is not finished."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **entries}, indent=1, ensure_ascii=False) + "\n"
    replace(folder / MANIFEST, lambda path: path.write_text(text, encoding="utf-8"))


def write_parts(folder: Path, splits: Mapping[str, Iterable[Sample]], most_bytes: float) -> Iterator[dict[str, Any]]:
    """Write ``part-000.npz`` … of at most ``most_bytes`` each, but of one picture at least; yield their manifest entries."""
    members = [(split, sample) for split, samples in splits.items() for sample in samples]
    for _, sample in members:
        if sample.read_encoded is None:
            raise ValueError(f"{sample.provenance} comes from no picture file")
    sizes = np.array([stored_bytes(sample) for _, sample in members], np.int64)
    start = number = 0
    while start < len(members):
        entry, count = _write_fitting(folder / f"part-{number:03d}.npz", members[start:], sizes[start:], most_bytes)
        yield entry
        start, number = start + count, number + 1


def _write_fitting(
    path: Path, members: Sequence[tuple[str, Sample]], sizes: np.ndarray, most_bytes: float
) -> tuple[dict[str, Any], int]:
    """Write as many of the members as fit, one at least; their manifest entry and number. ``sizes``: as `stored_bytes`."""
    count = max(1, int(np.searchsorted(np.cumsum(sizes), most_bytes, side="right")))
    while True:
        chosen = members[:count]
        entry = write_part(path, {split: [sample for of, sample in chosen if of == split] for split in SPLITS})
        over = path.stat().st_size - most_bytes
        if over <= 0 or count == 1:
            return entry, count
        last = np.cumsum(sizes[:count][::-1])  # how much labels take, deflated, is known only now
        count = max(1, count - 1 - int(np.searchsorted(last, over)))


def write_part_folder(
    folder: Path, splits: Mapping[str, Iterable[Sample]], file_mib: float, entries: dict[str, Any]
) -> dict[str, Any]:
    """Write a whole folder: archives of at most ``file_mib`` MiB, then the manifest, which holds ``entries`` too.

    Returns the manifest. Raises XnectError if the folder holds archives already, cannot be written, or one picture takes more.
    """
    if (folder / MANIFEST).exists():
        raise XnectError(str(folder), "already holds archives", "Choose another folder, or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {**entries, "parts": list(write_parts(folder, splits, file_mib * 2**20))}
        largest = max((folder / part["file"] for part in manifest["parts"]), key=lambda path: path.stat().st_size, default=None)
        if largest and largest.stat().st_size > file_mib * 2**20:
            cause = f"takes {largest.stat().st_size / 2**20:.3g} MiB with a single picture, more than the {file_mib:g} allowed"
            raise XnectError(str(largest), cause, "Allow larger files")
        write_manifest(folder, manifest)
    except OSError as error:
        raise XnectError(str(folder), f"cannot be written ({error.strerror})", "Choose another folder") from error
    return manifest


def write_part(path: Path, splits: Mapping[str, list[Sample]]) -> dict[str, Any]:
    """Write one archive and return its entry in the manifest."""
    replace(path, lambda part: write_archive(part, splits))
    members = [sample for samples in splits.values() for sample in samples]
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "pictures": len(members),
        "people": sum(len(sample.people) for sample in members),
    }


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file beside ``path``, then put it there whole."""
    part = path.with_name(path.name + ".part")
    write(part)
    part.replace(path)
