"""Every value of every configuration: what it may be stands beside it, and everything else is refused in one line.

The tables are made by walking the dataclasses, so a new field is covered, or missed here, as soon as it is written.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import yaml

import xnect_lite
from xnect_lite.config import (
    CameraConfig,
    GroupingConfig,
    NetworkConfig,
    PipelineConfig,
    RefiningConfig,
    _hints,
    checked,
    load_config,
)
from xnect_lite.errors import XnectError
from xnect_lite.files.values import Range, fitting
from xnect_lite.inference.devices import PRECISIONS
from xnect_lite.inference.names import BACKENDS
from xnect_lite.pipeline import Pipeline
from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.synth.clip import ClipConfig
from xnect_lite.synth.mupots_like import BenchmarkConfig
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.train.lifter.config import LifterConfig
from xnect_lite.train.prune.config import PruneConfig
from xnect_lite.train.quantise import QuantiseConfig
from xnect_lite.train.refiner.config import RefinerConfig
from xnect_lite.train.single.config import SingleConfig
from xnect_lite.train.stage1.config import DataConfig, Stage1Config

WHOLE = (
    PipelineConfig, Stage1Config, RefinerConfig, LifterConfig, PruneConfig, QuantiseConfig,
    SingleConfig, SceneConfig, ClipConfig, BenchmarkConfig,
)  # fmt: skip
FREE = {
    "files and folders": (
        "out init weights teacher intrinsics photos archive mpii coco synthetic backgrounds motion bodies "
        "backbone_pretrained_path"
    ),
    "what these name is looked up where it is": "backbone device sets network joints backbone_net_name operators",
}
"""Texts that may be anything, and why."""


def walk(cls: type, prefix: str = "") -> Iterator[tuple[str, type, str, Any]]:
    """Every value below a section: its whole key, the section's class, its own name and its type."""
    for name, hint in _hints(cls).items():
        if dataclasses.is_dataclass(hint):
            yield from walk(hint, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", cls, name, hint


def is_bare(hint: Any) -> bool:
    """Whether something in a type is a number or text that may be anything."""
    if typing.get_origin(hint) is tuple:
        return any(is_bare(part) for part in typing.get_args(hint) if part is not Ellipsis)
    return hint is not bool and typing.get_origin(hint) not in (Literal, Annotated)


def good(hint: Any) -> Any:
    """Some value that fits."""
    if typing.get_origin(hint) is tuple:
        return [good(part) for part in typing.get_args(hint) if part is not Ellipsis]
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)[0]
    if typing.get_origin(hint) is Annotated:
        return next(iter(within(hint)))
    return {bool: True, str: "text"}[hint]


def within(hint: Any) -> Iterator[Any]:
    """The ends of a range that count, the value beside it, and the middle."""
    kind, bounds = typing.get_args(hint)
    yield from [kind(bounds.low)] if bounds.ends[0] == "[" else []
    yield from [kind(bounds.high)] if bounds.ends[1] == "]" else []
    yield from [] if bounds.or_ is None else [kind(bounds.or_)]
    yield from [] if kind is int else [(bounds.low + bounds.high) / 2]


def bad(hint: Any) -> Iterator[tuple[str, Any]]:
    """Values that do not fit, each with what is wrong with it."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        yield "no list", 5
        fixed = parts[:1] if parts[-1] is Ellipsis else parts
        if fixed is parts:
            yield "too short", [good(part) for part in parts[1:]]
            yield "too long", [*map(good, parts), good(parts[0])]
        for i, part in enumerate(fixed):
            for case, value in bad(part):
                yield f"{case} at {i}", [value if j == i else good(other) for j, other in enumerate(fixed)]
    elif origin is Literal:
        yield "an unknown word", "unheard-of"
        yield "a number that is none of them", 7
        yield "no word", math.nan
    elif origin is Annotated:
        kind, bounds = parts
        yield from (
            ("NaN", math.nan),
            ("infinite", math.inf),
            ("minus infinite", -math.inf),
            ("a word", "many"),
            ("true", True),
        )
        yield "below", kind(bounds.low) - 2
        yield "above", kind(bounds.high) + 2
        if bounds.ends[0] == "(":
            yield "the lower end, which does not count", kind(bounds.low)
        if bounds.ends[1] == ")":
            yield "the upper end, which does not count", kind(bounds.high)
        if bounds.multiple > 1:
            yield "no multiple", bounds.low + bounds.multiple + 1
        if kind is int:
            yield "no whole number", bounds.low + 0.5
    elif hint is bool:
        yield "no truth value", "perhaps"


@pytest.mark.parametrize("cls", WHOLE, ids=lambda cls: cls.__name__)
def test_every_value_says_what_it_may_be(cls):
    free = {name for names in FREE.values() for name in names.split()}
    assert [key for key, _, name, hint in walk(cls) if is_bare(hint) and name not in free] == []


def test_every_configuration_is_walked():
    reached = {section.__name__ for cls in WHOLE for _, section, _, _ in walk(cls)} | {cls.__name__ for cls in WHOLE}
    reached |= {parent.__name__ for cls in WHOLE for _, section, _, _ in walk(cls) for parent in section.__mro__}
    files = Path(xnect_lite.__file__).parent.rglob("*.py")
    written = {name for file in files for name in re.findall(r"(?m)^class (\w+(?:Config|Augment))\b", file.read_text("utf-8"))}
    assert written - reached == set() and len(written) >= 20


@pytest.mark.parametrize("cls", WHOLE, ids=lambda cls: cls.__name__)
def test_nonsense_is_refused_in_one_line_that_says_what_to_write(cls):
    rows = [(key, case, value) for key, _, _, hint in walk(cls) for case, value in bad(hint)]
    for key, case, value in rows:
        text = yaml.safe_dump(value, default_flow_style=True, width=1000).splitlines()[0]
        with pytest.raises(XnectError) as refusal:
            load_config(cls, None, [f"{key}={text}"])
            pytest.fail(f"{key}={text} was accepted ({case})")
        said = str(refusal.value)
        assert said.startswith(f"configuration key '{key}': needs ") and f"Write --set {key}=" in said, case
        assert len(said.splitlines()) == 1
    assert len(rows) > 10


@pytest.mark.parametrize("cls", WHOLE, ids=lambda cls: cls.__name__)
def test_nonsense_made_in_python_is_refused_alike(cls):
    for key, section, name, hint in walk(cls):
        for case, value in bad(hint):
            with pytest.raises(XnectError, match=f"'{key}': needs "):
                checked(dataclasses.replace(section(), **{name: value}), key.removesuffix(name))
                pytest.fail(f"{key}={value!r} was accepted ({case})")


@pytest.mark.parametrize("cls", WHOLE, ids=lambda cls: cls.__name__)
def test_defaults_and_ends_that_count_are_accepted(cls):
    assert checked(cls()) == cls()
    for key, _, _, hint in walk(cls):
        for value in within(hint) if typing.get_origin(hint) is Annotated else [good(hint)]:
            fitting(value, hint, key)


def test_what_python_gives_is_taken_as_a_file_would_give_it():
    config = checked(PipelineConfig(camera=CameraConfig(fov_deg=np.float32(60), stature_of=[[1, 2]])))  # type: ignore[arg-type]
    assert config.camera == CameraConfig(fov_deg=60.0, stature_of=((1, 2.0),)) and type(config.camera.fov_deg) is float
    assert PipelineConfig().camera.fov_deg == 0, "nothing else is touched"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            PipelineConfig(camera=CameraConfig(focal_px=900.0, fov_deg=60.0)),
            "section 'camera': focal_px and fov_deg say the same",
        ),
        (PipelineConfig(camera=CameraConfig(intrinsics="c.json", fov_deg=60.0)), "intrinsics and fov_deg say the same"),
        (Stage1Config(data=DataConfig(finish_sizes_net_px=())), "section 'data': finish_sizes_net_px needs a size at least"),
        (LifterConfig(batch=4, motion_share=0.9), "the configuration: motion_share leaves nobody of a batch to pictures"),
        (SceneConfig(stature_px=(500.0, 70.0)), "stature_px has the larger value first. Write .LEAST, MOST."),
    ],
    ids=["two focal lengths", "a calibration and a focal length", "no canvas", "no pictures", "most before least"],
)
def test_keys_that_do_not_go_together_are_refused(config, message):
    with pytest.raises(XnectError, match=message):
        checked(config)


def test_rules_hold_for_files_and_words_too():
    with pytest.raises(XnectError, match=r"focal_px and fov_deg say the same thing\. Give one of them"):
        load_config(PipelineConfig, None, ["camera.focal_px=900", "camera.fov_deg=60"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (PipelineConfig(grouping=GroupingConfig(limb_samples=0)), "'grouping.limb_samples': needs 1 to 100, got 0"),
        (PipelineConfig(network=NetworkConfig(precision="bf61")), "Write --set network.precision=bf16$"),  # type: ignore[arg-type]
        (PipelineConfig(refining=RefiningConfig(mirrored=1)), "'refining.mirrored': needs true or false, got 1"),  # type: ignore[arg-type]
    ],
    ids=["a number", "a word", "a truth value"],
)
def test_a_pipeline_refuses_before_it_opens_anything(config, message):
    with pytest.raises(XnectError, match=message):
        Pipeline(config)


def test_words_and_limits_are_those_of_the_code_they_are_for():
    hints = _hints(NetworkConfig)
    assert typing.get_args(hints["backend"]) == ("auto", *BACKENDS)
    assert typing.get_args(hints["precision"]) == ("auto", *PRECISIONS)
    assert typing.get_args(_hints(GroupingConfig)["min_joints"])[1].high == NUM_JOINTS


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        (Range(1, 100), "1 to 100"),
        (Range(0, 0.5, "[)"), "0 to below 0.5"),
        (Range(0, 1e6, "(]"), "more than 0 to 1000000"),
        (Range(0, 1, "()"), "more than 0 to below 1"),
        (Range(16, 4096, multiple=16), "16 to 4096 in multiples of 16"),
        (Range(0.3, 3, or_=0), "0, or 0.3 to 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_range_is_told_in_words(bounds, text):
    assert str(bounds) == text


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        (Range(1, 100), [1, 50, 100], [0, 101, 0.999]),
        (Range(0, 1, "[)"), [0, 0.999], [1, -1e-9]),
        (Range(0, 1, "(]"), [1e-9, 1], [0, 1.001]),
        (Range(0, 1, "()"), [0.5], [0, 1]),
        (Range(16, 64, multiple=16), [16, 48, 64], [0, 17, 80]),
        (Range(1, 170, or_=0), [0, 1, 170], [0.5, -1, 171]),
        (Range(-90, 90), [-90, 0], [-91, math.nan, math.inf, -math.inf]),
    ],
    ids=lambda value: str(value) if isinstance(value, Range) else "",
)
def test_what_lies_in_a_range(bounds, inside, outside):
    assert all(value in bounds for value in inside) and not any(value in bounds for value in outside)
