"""How far each teacher of the photo kit is to be believed, joint by joint: the probability that it is right.

A logistic regression per teacher, on how sure it is, on who else says the same, on who says it of the other side's joint, and
on how well the teachers agree on the person. It was fitted to the joints that humans marked on training photographs
(``xnect-lite data trust``); its few numbers are `label_trust.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from xnect_lite.errors import XnectError
from xnect_lite.skeleton import COCO17, FLIP, JOINTS, LIMB_JOINTS_12

TEACHERS = ("blazepose", "movenet", "yolo", "tinypose")
BELIEVED = np.array(sorted({j for j in COCO17.xnect if j >= 0}))
"""XNECT24's joints that all teachers know: the limbs', nose and ears."""
AGREE = 0.2
"""Teachers within so many torso lengths of each other say the same."""
_NEAR, _FAR = AGREE, 0.5  # in torso lengths
_KINDS = np.array([[kind in name for name in JOINTS] for kind in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")], float)
_SCHEMA_VERSION = 1
_RIDGE = 1e-4


@dataclass(frozen=True)
class Opinions:
    """What T teachers (in `TEACHERS`' order) say of N people.

    joints_px   (N, T, 24, 2), NaN = says nothing.
    confidence  (N, T, 24) 0..1.
    torso_px    (N,) the unit in which distances are measured.
    person      (N, 4) how well the pairs of teachers agree on the person: the second pair's OKS and detector score, the first
                pair's OKS and whether it counts as good; 0 = not asked.
    """

    joints_px: np.ndarray
    confidence: np.ndarray
    torso_px: np.ndarray
    person: np.ndarray

    def without(self, teachers: Sequence[int]) -> Opinions:
        """As if some teachers had not been asked."""
        xy, confidence, person = self.joints_px.copy(), self.confidence.copy(), self.person.copy()
        xy[:, list(teachers)], confidence[:, list(teachers)] = np.nan, 0
        person[:, [column for t in teachers for column in ((2, 3) if t < 2 else (0, 1))]] = 0
        return Opinions(xy, confidence, self.torso_px, person)


def trusted(opinions: Opinions, coefficients: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(N, 24, 2) where the joints are and (N, 24) the probability that this is right; NaN and 0 where nobody says anything.

    The teacher who is most probably right is followed; those who say the same move the joint by the square of their own trust.
    """
    chance = _chances(opinions, shipped() if coefficients is None else coefficients)
    people, joints = np.ogrid[: len(chance), : chance.shape[2]]
    best = chance.argmax(1)
    at = opinions.joints_px[people, best, joints]
    away = np.linalg.norm(opinions.joints_px - at[:, None], axis=-1) / opinions.torso_px[:, None, None]
    share = np.where(away < AGREE, chance, 0.0) ** 2
    total = share.sum(1)[..., None]
    mean = (share[..., None] * np.nan_to_num(opinions.joints_px)).sum(1) / np.where(total > 0, total, np.nan)
    return mean.astype(np.float32), chance[people, best, joints].astype(np.float32)


def _chances(opinions: Opinions, coefficients: np.ndarray) -> np.ndarray:
    """(N, T, 24) probability of each teacher to be right, 0 where it says nothing or nobody was asked about such joints."""
    chance = expit(np.einsum("ntjf,tf->ntj", _features(opinions), coefficients))
    chance[~np.isfinite(opinions.joints_px[..., 0])] = 0
    chance[..., np.setdiff1d(np.arange(chance.shape[-1]), BELIEVED)] = 0
    return chance


def _features(opinions: Opinions) -> np.ndarray:
    """(N, T, 24, F) what speaks for each teacher's joint."""
    xy, torso = opinions.joints_px, opinions.torso_px[:, None, None]
    asked = np.isfinite(xy[..., 0])
    sure = np.where(asked, opinions.confidence, 0.0)
    mirrored = xy[:, :, FLIP]

    def nearness(a: np.ndarray, b: np.ndarray, reach: float) -> np.ndarray:
        return np.nan_to_num(np.exp(-((np.linalg.norm(a - b, axis=-1) / torso / reach) ** 2)))

    rows = []
    for t in range(xy.shape[1]):
        columns = [np.ones_like(sure[:, t]), sure[:, t]]
        for other in range(xy.shape[1]):
            if other == t:
                continue
            here = (xy[:, None, t], xy[:, None, other])
            same, nearly = (nearness(*here, reach)[:, 0] for reach in (_NEAR, _FAR))
            crossed = nearness(xy[:, None, t], mirrored[:, None, other], _NEAR)[:, 0]
            confidence = sure[:, other]
            columns += [~asked[:, other], confidence, same, confidence * same, nearly, crossed, confidence * crossed]
        columns += [np.broadcast_to(one[:, None], sure[:, t].shape) for one in opinions.person.T]
        columns += [np.broadcast_to(kind, sure[:, t].shape) for kind in _KINDS]
        rows.append(np.stack(columns, -1).astype(float))
    return np.stack(rows, 1)


@cache
def shipped() -> np.ndarray:
    """(T, F) the coefficients that ship."""
    return read_coefficients(Path(str(resources.files("xnect_lite.data.readers") / "label_trust.json")))


def read_coefficients(path: Path) -> np.ndarray:
    """(T, F) of a file that `save_coefficients` wrote. Raises XnectError if it is something else."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["schema_version"] != _SCHEMA_VERSION or record["teachers"] != list(TEACHERS):
            raise ValueError(f"version {record['schema_version']} of {record['teachers']}")
        out = np.array([record["coefficients"][teacher] for teacher in TEACHERS], float)
        if out.shape != (len(TEACHERS), _features(_nothing()).shape[-1]) or not np.isfinite(out).all():
            raise ValueError(f"numbers of shape {out.shape}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XnectError(
            str(path), f"holds no trust in teachers ({error})", "Make it again with xnect-lite data trust"
        ) from error
    return out


def save_coefficients(path: Path, coefficients: np.ndarray, fitted_on: str) -> None:
    """Write what `fit` returned, and what it was fitted on."""
    numbers = {teacher: [round(float(v), 4) for v in row] for teacher, row in zip(TEACHERS, coefficients, strict=True)}
    record = {"schema_version": _SCHEMA_VERSION, "fitted_on": fitted_on, "teachers": TEACHERS, "coefficients": numbers}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def fit(opinions: Opinions, human_px: np.ndarray, torso_px: np.ndarray) -> np.ndarray:
    """(T, F) coefficients that make the trust in each teacher agree best with how often it is right.

    human_px (N, 24, 2) joints that humans marked, NaN = none, and torso_px (N,) the human's torso: right means within
    `AGREE` of it. Everybody counts three times: with all teachers, with the first two and with the last two alone.
    """
    cases = [opinions, opinions.without((2, 3)), opinions.without((0, 1))]
    joints = LIMB_JOINTS_12
    features = np.concatenate([_features(case)[:, :, joints] for case in cases])
    xy = np.concatenate([case.joints_px[:, :, joints] for case in cases])
    truth = np.tile(human_px[:, None, joints], (len(cases), 1, 1, 1))
    away = np.linalg.norm(xy - truth, axis=-1) / np.tile(torso_px, len(cases))[:, None, None]
    out = []
    for t in range(len(TEACHERS)):
        known = np.isfinite(away[:, t])
        x, right = features[:, t][known], away[:, t][known] <= AGREE
        if not len(x):
            raise XnectError(
                "the photographs", f"have no joint that both a human and {TEACHERS[t]} marked", "Give the whole kit"
            )
        out.append(_logistic(x, right))
    return np.stack(out)


def _logistic(x: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(F,) coefficients of a logistic regression with a small ridge."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        s = x @ w
        value = np.logaddexp(0, s).mean() - (s * right).mean() + _RIDGE * (w @ w)
        return value, x.T @ (expit(s) - right) / len(x) + 2 * _RIDGE * w

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x


def _nothing() -> Opinions:
    teachers, joints = len(TEACHERS), len(JOINTS)
    return Opinions(np.zeros((0, teachers, joints, 2)), np.zeros((0, teachers, joints)), np.zeros(0), np.zeros((0, 4)))
