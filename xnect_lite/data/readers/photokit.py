"""Reader of the photo kit: photographs labelled by two teachers and, for some people, by a human.

``<root>/<set>/{images/,masks/,labels.jsonl}``, one JSON line per picture. The labels are raw; `label_fusion` makes one position
and one weight per joint of them. People nobody is sure of, and people whose human and teacher labels contradict each other
in left and right, become ignore boxes.

``labels2.jsonl`` beside it, where it exists, is a second labelling of the same pictures by two other models: it says more of
known people, and finds others. Whoever both models agree on becomes a person, the rest ignore boxes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.label_fusion import fuse, newly_found
from xnect_lite.data.readers.origin import ODD_RECORD, file_name
from xnect_lite.data.readers.votes import AGAIN
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.errors import XnectError
from xnect_lite.files.untrusted import load_json

T = TypeVar("T")
SETS = ("lspet", "ccp", "har15", "capston")
TERMS = {
    "lspet": "Leeds Sports Poses Extended: Flickr photographs, academic use",
    "ccp": "Clothing Co-Parsing: web photographs, repository Apache-2.0, photo rights unclear: research use",
    "har15": "Human Action Recognition (ODbL label): web photographs, some with watermarks: research use",
    "capston": "CC BY 4.0 as declared by its uploader (Roboflow siwookim/capston2)",
    "background": "photographs without people, COCO and others: research use",
}
"""Source, as in a sample's provenance -> terms, in short. The pictures are other people's."""
_UNLABELLED_PEOPLE = {"har15", "capston"}  # crowds in which the teachers miss people
_STRETCHED = {"capston"}  # pictures squeezed to squares: no 3D from them
_NEGATIVE_WEIGHT = 0.3
_SECOND_VERSION = 2
_MOST_SIDE = 1 << 16


def is_validation(file_name: str) -> bool:
    """True for pictures that are never trained on: the md5 of the file name starts with 0."""
    return hashlib.md5(file_name.encode(), usedforsecurity=False).hexdigest().startswith("0")


def read_photokit(
    root: str | Path, split: str, sets: tuple[str, ...] = SETS, votes: Mapping[str, np.ndarray] | None = None
) -> Iterator[Sample]:
    """Yield the samples of ``split`` ('train' or 'val'), set by set, in file order.

    votes: picture ("set file") -> (P, 24, 2) joints that our own network finds for the people of its line, NaN = none.
    Raises XnectError naming the file when a set is missing or a line cannot be read.
    """
    return map_records(partial(to_sample, votes=votes or {}), root, split, sets)


def map_records(
    make: Callable[[dict[str, Any], Path, str], T], root: str | Path, split: str, sets: tuple[str, ...] = SETS
) -> Iterator[T]:
    """``make(record, folder, set)`` of every picture of ``split``, in file order. Raises as `read_photokit` does."""
    for name in sets:
        path = Path(root) / name / "labels.jsonl"
        if not path.is_file():
            wanted = "the folder that holds the photo kit's sets"
            raise XnectError(str(path), "does not exist", f"Point --data, or --set data.photos= in training, at {wanted}")
        second = _read_second(path.with_name("labels2.jsonl"))
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record = load_json(line)
                    _check(record)
                    if is_validation(record["file"]) == (split == "val"):
                        record["second"] = second.get(record["file"])
                        yield make(record, path.parent, name)
                except ODD_RECORD as error:
                    raise XnectError(
                        f"{path}, line {number}", f"cannot be read ({error!r})", "Mend or remove the line"
                    ) from error


def _check(record: dict[str, Any]) -> None:
    """Raises ValueError for names that are paths, which might lead out of the folder, and sizes no picture has."""
    for given in (record["file"], *(person["mask"] for person in record["people"] if person.get("mask"))):
        file_name(given)
    if not all(isinstance(side, int) and 0 < side < _MOST_SIDE for side in (record["width"], record["height"])):
        raise ValueError("the size of the picture")


def _read_second(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Picture's file name -> people of its second labelling; empty if the set has none. Raises XnectError for a bad line."""
    if not path.is_file():
        return {}
    out = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = load_json(line)
                if record.get("version", _SECOND_VERSION) > _SECOND_VERSION:
                    raise ValueError(f"version {record['version']} is newer than {_SECOND_VERSION}")
                for person in record["people"]:
                    float(person["agree"]), float(person["yolo_score"]), np.asarray(person["box"], float).reshape(4)
                    person["person"] is None or int(person["person"])
                out[record["file"]] = record["people"]
            except ODD_RECORD as error:
                raise XnectError(f"{path}, line {number}", f"cannot be read ({error!r})", "Mend or remove the line") from error
    return out


def read_backgrounds(root: str | Path, split: str, prefixes: tuple[str, ...] = ("coco", "obj")) -> Iterator[Sample]:
    """Yield pictures without people from a flat folder; the split follows the file name as in the kit.

    Raises XnectError if there is no such folder.
    """
    if not Path(root).is_dir():
        raise XnectError(str(root), "is no folder", "Point data.backgrounds at a folder of pictures, or leave it empty")
    for path in sorted(Path(root).glob("*.webp")):
        if path.name.startswith(prefixes) and is_validation(path.name) == (split == "val"):
            image = read_rgb(path)
            yield Sample(
                read_image=partial(read_rgb, path),
                size=(image.shape[1], image.shape[0]),
                people=LabelledPeople.empty(),
                provenance=f"background {path.name}",
                read_encoded=path.read_bytes,
            )


def to_sample(record: dict[str, Any], folder: Path, set_name: str, votes: Mapping[str, np.ndarray] | None = None) -> Sample:
    """Turn one line of labels.jsonl into a Sample: people who can be taught, ignore boxes for the others."""
    people, silhouettes, ignore = [], [], []
    name = picture_name(record, set_name)
    own = (votes or {}).get(name, [None] * len(record["people"]))
    if len(own) != len(record["people"]):
        raise XnectError(f"the votes on {name}", f"are about {len(own)} people, not {len(record['people'])}", AGAIN)
    second = second_labelling(record)
    for person, vote, again in zip(record["people"], own, second, strict=True):
        labels = fuse(person, with_3d=set_name not in _STRETCHED, own=vote, second=again)
        if labels is None:
            ignore.append(_box(person))
        else:
            people.append(labels)
            silhouettes.append(_silhouette(person, folder))
    for stranger in (one for one in record.get("second") or () if one["person"] is None):
        labels = newly_found(stranger)
        if labels is None:
            ignore.append(np.asarray(stranger["box"], np.float32))
        else:
            people.append(labels)
            silhouettes.append(None)
    unlabelled_people = set_name in _UNLABELLED_PEOPLE and record.get("second") is None
    path = folder / "images" / record["file"]
    return Sample(
        read_image=partial(read_rgb, path),
        size=(record["width"], record["height"]),
        people=LabelledPeople.stack(people),
        ignore_xyxy=np.array(ignore, np.float32).reshape(-1, 4),
        negative_weight=_NEGATIVE_WEIGHT if unlabelled_people else 1.0,
        provenance=name,
        read_encoded=path.read_bytes,
        silhouettes=tuple(silhouettes),
    )


def second_labelling(record: dict[str, Any]) -> list[dict[str, Any] | None]:
    """Of each of the line's people what the second labelling says, None if it says nothing."""
    by_person = {one["person"]: one for one in record.get("second") or ()}
    return [by_person.get(i) for i in range(len(record["people"]))]


def picture_name(record: dict[str, Any], set_name: str) -> str:
    """What a sample's provenance says of a line of labels.jsonl."""
    return f"{set_name} {record['file']}"


def _silhouette(person: dict[str, Any], folder: Path) -> Silhouette | None:
    """The person's mask, where the kit has one; copies of the kit without masks/ are complete for all else."""
    path = folder / "masks" / (person.get("mask") or ".")
    return Silhouette(path.read_bytes, np.asarray(person["mask_xyxy"], np.float32)) if path.is_file() else None


def _box(person: dict[str, Any]) -> np.ndarray:
    """(4,) box of a person who is not taught: the silhouette's, else that of the landmarks, a little wider."""
    if person.get("mask_xyxy"):
        return np.asarray(person["mask_xyxy"], np.float32)
    points = [np.asarray(person["blaze_xy"], np.float32)]
    if person.get("movenet_xyc"):
        points.append(np.asarray(person["movenet_xyc"], np.float32)[:, :2])
    xy = np.concatenate(points)
    low, high = xy.min(0), xy.max(0)
    margin = 0.1 * (high - low).max()
    return np.concatenate([low - margin, high + margin])
