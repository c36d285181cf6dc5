"""A training set in one file: the pictures as they are, the fused labels as arrays. For moving to another machine.

An npz without pickles; labels are deflated, pictures and silhouettes keep their own encoding and are decoded when a run starts.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from xnect_lite.data.sample import LabelledPeople, Sample, decode_rgb
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.errors import XnectError
from xnect_lite.files.npz import read_npz

SCHEMA_VERSION = 1
SPLITS = ("train", "val")
_ENCODED = ("pictures", "silhouettes")  # deflating these again gains nothing


def write_archive(path: str | Path, splits: Mapping[str, Iterable[Sample]]) -> dict[str, int]:
    """Write the samples of both splits; returns how many of each. Every sample must come from a picture file."""
    samples, split_of, encoded = [], [], []
    for split, members in splits.items():
        for sample in members:
            if sample.read_encoded is None:
                raise ValueError(f"{sample.provenance} comes from no picture file")
            samples.append(sample)
            split_of.append(SPLITS.index(split))
            encoded.append(np.frombuffer(sample.read_encoded(), np.uint8))
    people = LabelledPeople.stack([s.people for s in samples])
    arrays = {
        "schema_version": np.array(SCHEMA_VERSION),
        "split": np.array(split_of, np.int8),
        "pictures": np.concatenate(encoded) if encoded else np.zeros(0, np.uint8),
        "picture_bytes": np.array([len(e) for e in encoded], np.int64),
        "size": np.array([s.size for s in samples], np.int32).reshape(-1, 2),
        "people_count": np.array([len(s.people) for s in samples], np.int32),
        "ignore_count": np.array([len(s.ignore_xyxy) for s in samples], np.int32),
        "ignore_xyxy": np.concatenate([s.ignore_xyxy for s in samples]) if samples else np.zeros((0, 4), np.float32),
        "negative_weight": np.array([s.negative_weight for s in samples], np.float32),
        "focal_px": np.array([np.nan if s.focal_px is None else s.focal_px for s in samples], np.float64),
        "synthetic": np.array([s.synthetic for s in samples], bool),
        "provenance": np.array([s.provenance for s in samples]),
    }
    arrays |= {f"people_{name}": getattr(people, name) for name in LabelledPeople.__slots__} | _silhouette_arrays(samples)
    _write(Path(path), arrays)
    return {split: split_of.count(i) for i, split in enumerate(SPLITS)}


def stored_bytes(sample: Sample) -> int:
    """How much of a file the sample's picture and silhouettes take; its labels take a little more."""
    assert sample.read_encoded is not None
    return len(sample.read_encoded()) + sum(len(one.read_png()) for one in sample.silhouettes if one is not None)


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_STORED if name in _ENCODED else zipfile.ZIP_DEFLATED
            with file.open(member, "w", force_zip64=True) as out:
                np.lib.format.write_array(out, array, allow_pickle=False)


def _silhouette_arrays(samples: list[Sample]) -> dict[str, np.ndarray]:
    """PNG files one after the other, their sizes and boxes, a row for each person; size 0 = not known."""
    found = [one for s in samples for one in s.silhouettes or (None,) * len(s.people)]
    files = [np.zeros(0, np.uint8) if one is None else np.frombuffer(one.read_png(), np.uint8) for one in found]
    boxes = [np.zeros(4, np.float32) if one is None else one.box_xyxy for one in found]
    return {
        "silhouettes": np.concatenate(files) if files else np.zeros(0, np.uint8),
        "silhouette_bytes": np.array([len(file) for file in files], np.int64),
        "silhouette_xyxy": np.array(boxes, np.float32).reshape(-1, 4),
    }


def read_archive(path: str | Path, split: str) -> list[Sample]:
    """The samples of one split. Raises XnectError if the file is no archive of this version."""
    try:
        arrays = read_npz(path)
        version = int(arrays["schema_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise XnectError(
            str(path), f"is no training archive ({error})", "Make one with xnect-lite data pack or synth render"
        ) from error
    if version != SCHEMA_VERSION:
        raise XnectError(str(path), f"has version {version}, not {SCHEMA_VERSION}", "Make it again with xnect-lite data pack")
    try:
        return _samples(arrays, split)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise XnectError(str(path), f"is damaged ({error!r})", "Make it again with xnect-lite data pack") from error


def _samples(arrays: dict[str, np.ndarray], split: str) -> list[Sample]:
    ends, people_ends, ignore_ends = (np.cumsum(arrays[n]) for n in ("picture_bytes", "people_count", "ignore_count"))
    focal = arrays.get("focal_px", np.full(len(ends), np.nan))  # older archives lack these two ...
    synthetic = arrays.get("synthetic", np.zeros(len(ends), bool))
    outlined = "silhouettes" in arrays  # ... and these
    samples = []
    for i in np.flatnonzero(arrays["split"] == SPLITS.index(split)):
        picture = slice(ends[i] - arrays["picture_bytes"][i], ends[i])
        people = slice(people_ends[i] - arrays["people_count"][i], people_ends[i])
        ignore = slice(ignore_ends[i] - arrays["ignore_count"][i], ignore_ends[i])
        name = str(arrays["provenance"][i])
        encoded = partial(_slice, arrays["pictures"], picture)
        samples.append(
            Sample(
                read_image=partial(_decode, encoded, name),
                size=(int(arrays["size"][i, 0]), int(arrays["size"][i, 1])),
                people=LabelledPeople(*(arrays[f"people_{n}"][people] for n in LabelledPeople.__slots__)),
                ignore_xyxy=arrays["ignore_xyxy"][ignore],
                negative_weight=float(arrays["negative_weight"][i]),
                focal_px=float(focal[i]) if np.isfinite(focal[i]) else None,
                provenance=name,
                read_encoded=encoded,
                synthetic=bool(synthetic[i]),
                silhouettes=_silhouettes(arrays, people) if outlined else (),
            )
        )
    return samples


def _silhouettes(arrays: dict[str, np.ndarray], people: slice) -> tuple[Silhouette | None, ...]:
    sizes, boxes = arrays["silhouette_bytes"], arrays["silhouette_xyxy"]
    ends = int(sizes[: people.start].sum()) + np.cumsum(sizes[people])
    return tuple(
        Silhouette(partial(_slice, arrays["silhouettes"], slice(end - size, end)), box) if size else None
        for size, end, box in zip(sizes[people].tolist(), ends.tolist(), boxes[people], strict=True)
    )


def _slice(data: np.ndarray, part: slice) -> bytes:
    return data[part].tobytes()


def _decode(encoded: partial[bytes], name: str) -> np.ndarray:
    return decode_rgb(encoded(), name)
