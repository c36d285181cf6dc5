"""COCO keypoints, scored by pycocotools, the official code."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.coco import ORIGIN, read_annotations
from xnect_lite.data.readers.origin import load_json
from xnect_lite.data.sample import evenly
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError, install
from xnect_lite.evaluate.finding import Picture
from xnect_lite.evaluate.predictions import Found

DATA_SET = "coco"
FIGURES = ("ap", "ap_50", "ap_75", "ap_medium", "ap_large", "ar", "ar_50", "ar_75", "ar_medium", "ar_large")
"""In the order of pycocotools' ``stats``; in percent here."""
_PERSON = 1
_VALUES = 51  # x, y, v of 17 joints

Record = Mapping[str, Any]


class CocoSet:
    """The validation pictures, or about ``limit`` of them, evenly spread. Raises XnectError for what is missing or damaged."""

    def __init__(self, folder: Path, limit: int = 0) -> None:
        self._folder = folder
        self._path = ORIGIN.find(folder, "annotations/person_keypoints_val2017.json", "person_keypoints_val2017.json")
        tally = Tally()
        pictures = read_annotations(self._path, tally)
        for reason, where in tally.first.items():
            raise XnectError(f"{self._path}: {where}", f"is damaged ({reason.value})", f"Get it again from {ORIGIN.page}")
        names = [picture.name for picture in pictures]
        if len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise XnectError(str(self._path), f"lists {double} more than once", f"Get it again from {ORIGIN.page}")
        if not any(person.visibility.any() for picture in pictures for person in picture.people):
            raise XnectError(str(self._path), "has nobody to be found", f"Get it from {ORIGIN.page}")
        chosen = evenly(pictures, limit)
        self.part = "" if len(chosen) == len(pictures) else f"{len(chosen):,} of {len(pictures):,} pictures"
        self._ids = {picture.name: picture.id for picture in chosen}
        self.everything = names

    @property
    def data(self) -> str:
        """What is scored, in words."""
        return f"COCO keypoints val2017: {len(self._ids):,} pictures"

    def picture_ids(self) -> set[int]:
        """Ids of the pictures."""
        return set(self._ids.values())

    def records(self) -> list[str]:
        """Names of the pictures."""
        return list(self._ids)

    def clips(self) -> list[list[Picture]]:
        """The pictures. Raises XnectError if one is missing."""
        images = next((d for d in (self._folder / "val2017", self._folder / "images" / "val2017") if d.is_dir()), None)
        if images is None:
            raise ORIGIN.missing("the folder val2017 of pictures", self._folder)
        absent = [name for name in self._ids if not (images / name).is_file()]
        if absent:
            raise ORIGIN.missing(f"{len(absent)} pictures, the first {absent[0]}", images)
        return [[Picture(name, partial(read_rgb, images / name)) for name in self._ids]]

    def results(self, found: Mapping[str, Found]) -> list[Record]:
        """In COCO's own format; a joint that was not found lies at (0, 0)."""
        out: list[Record] = []
        for name, key in self._ids.items():
            for joints, score in zip(found[name].joints_px, found[name].score, strict=True):
                known = np.isfinite(joints).all(-1, keepdims=True)
                triples = np.concatenate([np.where(known, joints, 0.0), known], 1)
                keypoints = [round(float(v), 2) for v in triples.ravel()]
                out.append({"image_id": key, "category_id": _PERSON, "keypoints": keypoints, "score": float(score)})
        return out

    def read_results(self, path: Path) -> list[Record]:
        """A file in COCO's own format, of these pictures. Raises XnectError naming the file and the record."""
        records = load_json(path)
        if not isinstance(records, list):
            raise XnectError(str(path), "is no list of results", "See https://cocodataset.org/#format-results")
        known = {picture.id for picture in read_annotations(self._path, Tally())}
        for number, record in enumerate(records):
            _check(f"{path}, record {number}", record, known)
        wanted = set(self._ids.values())
        return [record for record in records if record["image_id"] in wanted]

    def score(self, results: list[Record]) -> dict[str, float]:
        """AP and AR over OKS .50 to .95, and people and pictures; -1 of pycocotools (nothing to measure) becomes NaN."""
        coco, evaluation = _pycocotools()
        with contextlib.redirect_stdout(io.StringIO()):
            truth = coco(str(self._path))
            found = truth.loadRes([dict(r) for r in results]) if results else _nothing(coco, truth)
            run = evaluation(truth, found, "keypoints")
            run.params.imgIds = sorted(self._ids.values())
            run.params.catIds = [_PERSON]
            run.evaluate()
            run.accumulate()
            run.summarize()
        stats = {name: 100.0 * float(v) if v >= 0 else np.nan for name, v in zip(FIGURES, run.stats, strict=True)}
        return {**stats, "people_found": len(results), "pictures": len(self._ids)}


def _check(where: str, record: Any, known: set[Any]) -> None:
    page = "See https://cocodataset.org/#format-results"
    if not isinstance(record, dict) or not {"image_id", "keypoints", "score"} <= record.keys():
        raise XnectError(where, "lacks image_id, keypoints or score", page)
    if record["image_id"] not in known:
        raise XnectError(where, f"is of picture {record['image_id']}, which is not in the data set", page)
    try:
        values = np.array([*record["keypoints"], record["score"]], float)
    except (TypeError, ValueError) as error:
        raise XnectError(where, f"holds what is no number ({error})", page) from error
    if len(values) != _VALUES + 1:
        raise XnectError(where, f"has {len(values) - 1} keypoint values, not {_VALUES}", page)
    if not np.isfinite(values).all():
        raise XnectError(where, "holds numbers that are not finite", "Write joints that were not found as 0, 0, 0")


def _pycocotools() -> tuple[Any, Any]:
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise XnectError("pycocotools", "is not installed", install("eval")) from error
    return COCO, COCOeval


def _nothing(coco: Any, truth: Any) -> Any:
    """Results that hold nobody, which ``loadRes`` does not take."""
    empty = coco()
    empty.dataset = {"images": truth.dataset["images"], "categories": truth.dataset["categories"], "annotations": []}
    empty.createIndex()
    return empty


def write_results(path: Path, results: list[Record]) -> None:
    """Write COCO's own format. Raises XnectError if it cannot be written."""
    try:
        path.write_text(json.dumps(results), encoding="utf-8")
    except OSError as error:
        raise XnectError(str(path), f"cannot be written ({error.strerror})", "Choose another file") from error
