"""One compact training set out of several sources: the original pictures, never enlarged, with counts and terms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnect_lite.data.archives.parts import replace, write_part, write_part_folder
from xnect_lite.data.sample import Sample
from xnect_lite.errors import XnectError


def write_pack(
    output: Path, splits: dict[str, list[Sample]], terms: Mapping[str, str | list[str]], file_mib: float | None = None
) -> dict[str, Any]:
    """Write the samples into one archive, or into a folder of archives of at most ``file_mib`` MiB, and return the manifest.

    ``terms``: source (first word of a sample's provenance) -> what its pictures may be used for. The manifest of a single
    archive lies beside it, as ``.json``. Raises XnectError if it cannot be written, or the folder holds such archives already.
    """
    sources = {"sources": _sources(splits, terms)}
    if file_mib is not None:
        return write_part_folder(output, splits, file_mib, sources)
    try:
        manifest = {**sources, "parts": [write_part(output, splits)]}
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        replace(output.with_suffix(".json"), lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise XnectError(str(output), f"cannot be written ({error.strerror})", "Choose another file") from error
    return manifest


def collect_terms(terms: dict[str, str | list[str]], manifest: Mapping[str, Any], samples: list[Sample]) -> None:
    """Add to ``terms``, in place, those that the manifest of a folder states for its samples."""
    stated = manifest.get("sources", [])
    if isinstance(stated, dict):  # a pack: by source
        terms.update({name: entry["terms"] for name, entry in stated.items() if isinstance(entry, dict) and "terms" in entry})
        return
    for name in {sample.provenance.partition(" ")[0] for sample in samples}:
        known = terms.get(name, [])
        terms[name] = sorted({*([known] if isinstance(known, str) else known), *map(str, stated)})


def _sources(splits: dict[str, list[Sample]], terms: Mapping[str, str | list[str]]) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for split, samples in splits.items():
        for sample in samples:
            name = sample.provenance.partition(" ")[0]
            entry = out.setdefault(name, {**dict.fromkeys(splits, 0), "people": 0, "terms": terms.get(name, "not stated")})
            entry[split] += 1
            entry["people"] += len(sample.people)
    return out
