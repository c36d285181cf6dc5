"""A tiny photo kit in the true format: stick figures on grey, labelled as two agreeing teachers and a human would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from people import walking_person

from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.skeleton import BLAZEPOSE33, BONES, COCO17, INDEX, LSP14

_STAND_IN = {"eye": "nose", "mouth": "nose", "pinky": "hand", "index": "hand", "thumb": "hand", "heel": "ankle"}


def blazepose(joints: np.ndarray) -> np.ndarray:
    """(24, C) -> (33, C); landmarks that XNECT24 lacks lie on their nearest joint, fingers on the hand."""
    out = BLAZEPOSE33.from_xnect(joints)
    for i, name in enumerate(BLAZEPOSE33.names):
        if np.isnan(out[i]).any():
            side = {"l_": "l_", "r_": "r_"}.get(name[:2], "")
            ours = next(theirs for part, theirs in _STAND_IN.items() if part in name)
            out[i] = joints[INDEX[ours if ours == "nose" else side + ours]]
    return out


def movenet(joints_px: np.ndarray, confidence: float = 0.6) -> np.ndarray:
    """(24, 2) -> (17, 3) in COCO's order; eyes lie on the nose."""
    out = COCO17.from_xnect(joints_px)
    out[np.isnan(out[:, 0])] = joints_px[INDEX["nose"]]
    return np.concatenate([out, np.full((17, 1), confidence)], 1)


def lsp(joints_px: np.ndarray) -> np.ndarray:
    """(24, 2) -> (14, 3), every joint visible."""
    return np.concatenate([LSP14.from_xnect(joints_px), np.ones((14, 1))], 1)


def person_record(joints_px: np.ndarray, world_m: np.ndarray, human: bool = True) -> dict[str, Any]:
    """One person of a labels.jsonl line whom everybody agrees on."""
    low, high = joints_px.min(0), joints_px.max(0)
    return {
        "blaze_flag": 1.0,
        "blaze_xy": blazepose(joints_px).tolist(),
        "blaze_vis": [0.99] * 33,
        "world_m": blazepose(world_m).tolist(),
        "movenet_score": 0.5,
        "movenet_xyc": movenet(joints_px).tolist(),
        "agree_oks": 0.95,
        **({"lsp14": lsp(joints_px).tolist(), "human_agree": 1.0} if human else {}),
        "mask": "",
        "mask_xyxy": [int(v) for v in (*low - 3, *high + 3)],
        "quality": "good",
    }


def file_name(number: int, split: str) -> str:
    """The ``number``-th name of this split."""
    names = (f"im{i:05d}.webp" for i in range(100_000))
    of_split = (n for n in names if is_validation(n) == (split == "val"))
    return next(n for i, n in enumerate(of_split) if i == number)


def draw_person(image: np.ndarray, joints_px: np.ndarray) -> None:
    for k, (a, b) in enumerate(BONES):
        colour = [int(c) for c in np.random.default_rng(k).integers(60, 255, 3)]
        cv2.line(image, joints_px[a].round().astype(int).tolist(), joints_px[b].round().astype(int).tolist(), colour, 3)


def write_picture(folder: Path, name: str, seed: int, people: int = 1, size: tuple[int, int] = (160, 128)) -> dict[str, Any]:
    """Draw a picture of people into ``folder``/images and return its line of labels.jsonl."""
    rng = np.random.default_rng(seed)
    width, height = size
    image = np.full((height, width, 3), rng.integers(30, 90), np.uint8)
    records = []
    for p in range(people):
        mm, _ = walking_person(rng.uniform(0, 5, 1), facing_deg=rng.uniform(-60, 60))
        mm = mm[0]
        scale = 0.8 * min(height / np.ptp(mm[:, 1]), width / people / np.ptp(mm[:, 0]))
        xy = mm[:, :2] * scale
        xy += ((p + 0.5) * width / people, height / 2) - (xy.min(0) + xy.max(0)) / 2
        draw_person(image, xy)
        records.append(person_record(xy, mm / 1000))
        mask_name = f"{Path(name).stem}_{p}.png"
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "masks" / mask_name), np.full((16, 16), 255, np.uint8))
        records[-1]["mask"] = mask_name
    (folder / "images").mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / "images" / name), image, [cv2.IMWRITE_WEBP_QUALITY, 95])
    return {"file": name, "width": width, "height": height, "people": records}


def write_kit(root: Path, sets: tuple[str, ...] = ("lspet",), train: int = 4, val: int = 2) -> Path:
    """Write a whole kit: per set so many pictures of each split, of one or two people. Returns ``root``."""
    for s, name in enumerate(sets):
        lines = []
        for split, count in (("train", train), ("val", val)):
            for i in range(count):
                lines.append(write_picture(root / name, file_name(i, split), seed=100 * s + i, people=1 + i % 2))
        (root / name / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return root
