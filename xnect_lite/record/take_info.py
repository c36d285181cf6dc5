"""What take.json may say. A take may come from anywhere, so it is asked before anything is done by it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any

from xnect_lite.record.euler import ORDERS
from xnect_lite.record.names import LONGEST_NAME
from xnect_lite.record.steps import step_problem

Check = Callable[[Any], bool]
_MOST_FPS = 1000.0
_MOST_PEOPLE = 100_000
_MOST_STEPS = 10_000


def info_problem(info: Any) -> str:
    """Why this is no take.json, in a few words; empty if it is one. Unknown keys are nobody's concern."""
    if not isinstance(info, dict):
        return "is no list of keys and values"
    return _problem(info, _INFO, "") or next(
        (
            found
            for number, person in enumerate(info.get("people", ()))
            if (found := _problem(person, _PERSON, f"people[{number}]."))
        ),
        "",
    )


def _problem(values: Any, known: Mapping[str, Check], prefix: str) -> str:
    if not isinstance(values, dict):
        return f"'{prefix.rstrip('.')}' is {short(values)}"
    for key, fits in known.items():
        if key in values and not fits(values[key]):
            return f"'{prefix}{key}' is {short(values[key])}"
    return ""


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e12 < value < 1e12


def _positive(value: Any) -> bool:
    return _number(value) and value > 0


def _unknown_or(fits: Check) -> Check:
    return lambda value: value is None or fits(value)


def _rate(value: Any) -> bool:
    return _number(value) and 0 < value <= _MOST_FPS


def _list_of(fits: Check, most: int = _MOST_PEOPLE) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(fits, value))


def _direction(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_number, value)) and 1e-6 < math.hypot(*value) < 1e6


def _section(known: Mapping[str, Check]) -> Check:
    return lambda value: isinstance(value, dict) and not _problem(value, known, "")


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_section(value: Any) -> bool:
    return isinstance(value, dict)


def _is_gap_rule(value: Any) -> bool:
    return value in ("ease", "hold", "cut", "hide")


def _are_steps(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_STEPS and not any(map(step_problem, value))


def _are_names(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= _MOST_PEOPLE and all(map(_is_named, value, value.values()))


def _is_named(identity: str, name: Any) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,8}", identity) is not None and _text(name) and len(name) <= LONGEST_NAME


_BVH: dict[str, Check] = {
    "fps": _rate, "max_gap_s": lambda v: _number(v) and v >= 0, "floor": _is_flag, "recentre": _is_flag,
    "t_pose_first": _is_flag, "up_cam": _unknown_or(_direction), "gaps": _is_gap_rule,
    "own_floor": _is_flag, "bounded": _is_flag, "euler": lambda v: v in ORDERS, "spine": lambda v: v in ("plain", "mixamo"),
}  # fmt: skip
_INFO: dict[str, Check] = {
    "schema_version": _whole, "state": _text, "source": _text, "started": _text, "fps": _unknown_or(_positive),
    "size": _unknown_or(_list_of(_whole, 2)), "focal_px": _unknown_or(_positive), "joint_names": _list_of(_text),
    "min_person_s": lambda v: _number(v) and v >= 0, "bvh": _section(_BVH), "config": _is_section, "job": _is_section,
    "floor": _section({"up_cam": _direction, "height_mm": _unknown_or(_number)}), "second_pass": _is_flag,
    "measured_fps": _unknown_or(_number), "duration_s": _unknown_or(_number), "frames": _is_section,
    "people": _list_of(_is_section), "edits": _list_of(_is_section), "steps": _are_steps, "undone": _are_steps,
    "names": _are_names, "wanted": lambda v: v in ("all", "main") or _list_of(_whole)(v),
    "video": _section({"file": _unknown_or(_text), "start_s": _unknown_or(_number), "frames": _whole, "lost": _whole}),
}  # fmt: skip
_PERSON: dict[str, Check] = {"id": _whole, "file": _unknown_or(_text), "name": _text}
