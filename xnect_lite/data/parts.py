"""A folder of training archives: ``manifest.json`` lists them, and says what they were made from and on which terms.

``xnect-lite data pack`` writes such folders, and so does ``xnect-lite synth render``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xnect_lite.data.archive import SPLITS, read_archive, write_archive
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
    """Write ``part-000.npz`` … of at most ``most_bytes`` of pictures (one at least); yield their manifest entries."""
    waiting: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    size, number = 0, 0
    for split, samples in splits.items():
        for sample in samples:
            if sample.read_encoded is None:
                raise ValueError(f"{sample.provenance} comes from no picture file")
            weight = len(sample.read_encoded())
            if size and size + weight > most_bytes:
                yield write_part(folder / f"part-{number:03d}.npz", waiting)
                waiting, size, number = {split: [] for split in SPLITS}, 0, number + 1
            waiting[split].append(sample)
            size += weight
    if size:
        yield write_part(folder / f"part-{number:03d}.npz", waiting)


def write_part_folder(
    folder: Path, splits: Mapping[str, Iterable[Sample]], part_mib: float, entries: dict[str, Any]
) -> dict[str, Any]:
    """Write a whole folder: archives of ``part_mib`` MiB of pictures, then the manifest, which holds ``entries`` too.

    Returns the manifest. Raises XnectError if the folder holds archives already, or cannot be written.
    """
    if (folder / MANIFEST).exists():
        raise XnectError(str(folder), "already holds archives", "Choose another folder, or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {**entries, "parts": list(write_parts(folder, splits, part_mib * 2**20))}
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
