"""Weight files: where they are looked for, and whether they are what the manifest beside them says. Needs no torch.

``manifest.json`` beside the shipped files says of each its architecture, sha256, licence, sources and measured accuracy. An
int8 form of NAME.safetensors is NAME_int8.xml with its .bin; ``made_from`` in its entry is the sha256 of NAME.safetensors.
Search order: a path given by the user, ``$XNECT_WEIGHTS``, the package, the user's cache folder.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import os
from pathlib import Path
from typing import Any

import platformdirs

from xnect_lite.errors import XnectError
from xnect_lite.files.untrusted import read_json


def search_folders() -> list[Path]:
    """Folders looked in for weights, in order."""
    folders = [Path(os.environ["XNECT_WEIGHTS"])] if os.environ.get("XNECT_WEIGHTS") else []
    if folders and not folders[0].is_dir():
        raise XnectError(f"XNECT_WEIGHTS={folders[0]}", "is no folder", "Name a folder there, or give a file with --weights")
    folders.append(_packaged_folder())
    folders.append(Path(platformdirs.user_cache_dir("xnect-lite")) / "weights")
    return folders


def _packaged_folder() -> Path:
    return Path(str(importlib.resources.files("xnect_lite._weights")))


def manifest(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """File name -> entry, of the shipped weights or of another folder; empty if there is no manifest."""
    path = (folder or _packaged_folder()) / "manifest.json"
    if not os.path.isfile(path):
        return {}
    try:
        files = read_json(path)["files"]
        if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
            raise ValueError("'files' is no list of names, each with what is said of it")
        return files
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XnectError(
            str(path), f"is no manifest ({error})", "Mend or remove the file; if it came with the package, reinstall"
        ) from error


def find_weights(backbone: str, given: str = "") -> Path:
    """The Stage I weight file to use.

    Args:
        backbone: its name.
        given: a path by the user; '' = search.

    Raises:
        XnectError: saying where was looked if there is none.
    """
    if given:
        if not os.path.isfile(given):  # pathlib's own would raise for a name that is too long
            raise XnectError(given, "no such weight file", "Check the path given to --weights")
        return Path(given)
    name = f"xnect_{backbone}.safetensors"
    folders = search_folders()
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(map(str, folders))
    raise XnectError(
        name, f"found in none of: {looked}", "Give a file with --weights, or train one with xnect-lite train stage1"
    )


def find_optional(name: str, given: str, key: str) -> Path | None:
    """The file ``given``, else the first called ``name`` in the folders; None if there is none.

    Raises XnectError, naming the configuration key ``key``, if the file given is not there.
    """
    if given:
        if not os.path.isfile(given):
            raise XnectError(given, "no such weight file", f"Check {key}")
        return Path(given)
    return next((folder / name for folder in search_folders() if (folder / name).is_file()), None)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def int8_of(path: Path) -> Path | None:
    """The int8 form beside a weight file (OpenVINO's), if the manifest there says that it was made from this very file."""
    quantised = path.with_name(f"{path.stem}_int8.xml")
    made_from = manifest(path.parent).get(quantised.name, {}).get("made_from")
    return quantised if made_from and quantised.is_file() and made_from == sha256(path) else None


def verify(path: Path) -> None:
    """Compare a file with the manifest beside it, if it is listed there. Raises XnectError if it differs or is missing."""
    entry = manifest(path.parent).get(path.name)
    if entry is None:
        return
    wanted = str(entry.get("sha256", "stated"))
    try:
        found = sha256(path)
    except OSError as error:
        raise XnectError(str(path), f"cannot be read ({error.strerror})", "Fetch the file again") from error
    if found != wanted:
        cause = f"is damaged: its sha256 is {found[:12]}…, expected is {wanted[:12]}…"
        raise XnectError(str(path), cause, "Restore it with git checkout or reinstall, or give another with --weights")
