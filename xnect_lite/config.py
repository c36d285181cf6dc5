"""Configuration: frozen dataclasses are the schema, YAML files and ``key=value`` overrides only fill them in.

A number's range and a setting's words stand beside its default. An unknown key, a value of the wrong type or out of range is
an error that says what to write; rules between several keys are the functions named in a section's ``rules``.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from xnect_lite.errors import XnectError
from xnect_lite.files.untrusted import load_yaml, read_yaml
from xnect_lite.files.values import NetSide, Range, Share, fitting

T = TypeVar("T")
Rules = tuple[Callable[[Any], "tuple[str, str] | None"], ...]
"""Each takes a section and returns what is wrong with its keys together and what to do, or None."""
MOST_PEOPLE = 100
"""That can be asked for: what comes after the network takes about 8 ms a person and frame on a CPU."""
CutOff = Annotated[float, Range(0, 1000, "(]")]
Beta = Annotated[float, Range(0, 1000)]
Spread = Annotated[float, Range(0.001, 10**6)]


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Stage I at run time."""

    backbone: str = "selecsls60"  # a name in models/backbones.py
    weights: str = ""  # .safetensors, or an exported .onnx or .xml; empty = the shipped one for this backbone
    device: str = "auto"  # auto | cpu | cuda | cuda:N
    backend: Literal["auto", "torch", "compiled", "cudagraph", "openvino", "onnxruntime", "sparse"] = "auto"
    # auto: the back end's fastest, int8 if the weights ship in int8, too
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    long_side_net_px: NetSide = 512  # network input, longer side
    short_side_net_px: NetSide = 320  # network input, shorter side; portrait sources swap the two
    # the network looks at the next frame while this one is followed, one frame later; auto: with more than one core
    pipelined: Literal["auto", "always", "never"] = "auto"


@dataclasses.dataclass(frozen=True)
class GroupingConfig:
    """From maps to people."""

    max_people: Annotated[int, Range(1, MOST_PEOPLE)] = 10
    peak_threshold: Share = 0.10  # a heatmap maximum below this is no joint
    max_peaks: Annotated[int, Range(1, 4 * MOST_PEOPLE)] = 20  # per joint type
    limb_threshold: Share = 0.05  # mean PAF agreement along a limb below this is no limb
    limb_samples: Annotated[int, Range(1, 100)] = 10  # points read along a limb
    min_joints: Annotated[int, Range(1, 24)] = 6  # of the 24; fewer detected joints are no person
    person_threshold: Share = 0.24  # evidence below this is no person


@dataclasses.dataclass(frozen=True)
class RefiningConfig:
    """The second look at everybody's maps."""

    network: bool = True  # use the refiner if there are weights for it; false = joints stay where grouping found them
    weights: str = ""  # a safetensors file; empty = the shipped one
    least_score: Share = 0.1  # a joint less probable than this is not found
    mirrored: bool = False  # look at everybody's mirror image as well: a little better, at nearly twice the time


@dataclasses.dataclass(frozen=True)
class LiftingConfig:
    """Stage II."""

    network: bool = True  # use the lifting network if there are weights for it; false = always the raw read-out
    weights: str = ""  # a safetensors file; empty = the shipped one


def _one_focal_length(camera: CameraConfig) -> tuple[str, str] | None:
    given = [key for key in ("intrinsics", "focal_px", "fov_deg") if getattr(camera, key)]
    return (f"{' and '.join(given)} say the same thing", "Give one of them") if len(given) > 1 else None


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """The camera, how it stands, and the body size that fixes the metric scale."""

    rules: ClassVar[Rules] = (_one_focal_length,)

    intrinsics: str = ""  # calibration file, see `intrinsics`; goes before focal_px and fov_deg
    focal_px: Annotated[float, Range(1, 10**6, or_=0)] = 0.0  # in source pixels; 0 = the longer side of the source picture
    # horizontal field of view of the source picture, instead of focal_px; 0 = not given
    fov_deg: Annotated[float, Range(1, 170, or_=0)] = 0.0
    # estimated from the people in view | given: by the next three | level
    floor: Literal["estimated", "given", "level"] = "estimated"
    pitch_deg: Annotated[float, Range(-90, 90)] = 0.0  # how far the camera looks down
    roll_deg: Annotated[float, Range(-180, 180)] = 0.0  # how far it is turned clockwise, as seen from behind
    # of the camera above the floor, which then fixes the metric scale; 0 = not known
    height_m: Annotated[float, Range(0, 1000)] = 0.0
    # height of the people; 0 = not given: see height_m and depth_map, else 1.70
    stature_m: Annotated[float, Range(0.3, 3, or_=0)] = 0.0
    # height of single identities, [[id, metres], ...]
    stature_of: tuple[tuple[Annotated[int, Range(1, 10**9)], Annotated[float, Range(0.3, 3)]], ...] = ()
    depth_map: bool = False  # take sizes from the network's depth map; only with weights trained on metric depth


@dataclasses.dataclass(frozen=True)
class TrackingConfig:
    """Identities over time."""

    gate: Share = 0.9  # assignment cost above which a detection is somebody new
    max_lost_s: Annotated[float, Range(0, 600)] = 1.5  # a track unseen for longer is closed: only clothes can tell who it was
    remember_s: Annotated[float, Range(0, 10**6)] = 60.0  # for so long; 0 = whoever comes back is somebody new
    known_again: Share = 0.2  # difference of clothes below which somebody is the same
    # a track younger than this is not reported unless it is clear from the start
    confirm_s: Annotated[float, Range(0, 60)] = 0.1
    confirm_score: Share = 0.5  # a first detection with at least this person score is reported at once
    facing: bool = False  # which way people face is decided over time; false = by each frame alone


@dataclasses.dataclass(frozen=True)
class FilterConfig:
    """One-euro smoothing on real time stamps. Cut-offs in hertz, betas per unit of speed."""

    enabled: bool = True
    smoothing: Share = 0.5  # 0 = none, 1 = very steady and slow; 0.5 = the cut-offs below as they are
    second_pass: bool = True  # recordings of whole files are filtered backwards too, so that nothing lags
    min_cutoff_2d_hz: CutOff = 1.7
    beta_2d: Beta = 1.0  # per (torso length / s)
    min_cutoff_3d_hz: CutOff = 1.2
    beta_3d: Beta = 0.8  # per (m / s)
    min_cutoff_root_hz: CutOff = 0.8
    beta_root: Beta = 0.4  # per (m / s)


@dataclasses.dataclass(frozen=True)
class FittingConfig:
    """Stage III. Spreads: how far evidence is usually off. Speeds: how far a frame may be from the one predicted."""

    enabled: bool = True
    foot_lock: bool = True  # hold feet that rest where they are; the body follows
    # seconds of sightings after which somebody's bones are final; 0 = an average adult's
    calibration_s: Annotated[float, Range(0, 600)] = 2.0
    iterations: Annotated[int, Range(1, 100)] = 3  # Gauss-Newton steps per frame
    spread_3d_mm: Spread = 100.0  # of joints whose spread the lifting network does not give
    spread_2d_mm: Spread = 30.0  # of a surely found joint, in millimetres at the person's distance
    spread_depth: Annotated[float, Range(1e-3, 10)] = 0.04  # of the distance lifting placed somebody at, as a share of it
    # of the bend of knees that look straight in the picture, which are then drawn straight; 0 = they are not
    spread_straight_deg: Annotated[float, Range(0, 180)] = 0.0
    outlier_sigmas: Spread = 3.0  # joints off by more than this lose their weight
    turn_speed: Spread = 3.0  # rad/s
    root_speed_mm_s: Spread = 3000.0  # across the line of sight
    depth_speed_mm_s: Spread = 800.0  # along it


Quality = Literal["fast", "normal", "best"]


@dataclasses.dataclass(frozen=True)
class WholeClipConfig:
    """What files gain from being known as a whole."""

    # fast: filtered backwards | normal: sides and identities chosen over the whole clip | best: the mirrored picture as well
    quality: Quality = "normal"


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """Everything a run needs, from picture to skeletons."""

    network: NetworkConfig = NetworkConfig()
    grouping: GroupingConfig = GroupingConfig()
    refining: RefiningConfig = RefiningConfig()
    lifting: LiftingConfig = LiftingConfig()
    camera: CameraConfig = CameraConfig()
    tracking: TrackingConfig = TrackingConfig()
    filtering: FilterConfig = FilterConfig()
    fitting: FittingConfig = FittingConfig()
    whole_clip: WholeClipConfig = WholeClipConfig()


def load_config(cls: type[T], path: str | Path | None = None, overrides: typing.Sequence[str] = ()) -> T:
    """Build ``cls`` from its defaults, then a YAML file, then dotted ``key=value`` overrides.

    Args:
        cls: a configuration, such as `PipelineConfig`.
        path: YAML file of the keys that differ from their defaults.
        overrides: such as ``["grouping.max_people=3"]``; the last one counts.

    Raises:
        XnectError: for a file that cannot be read, an unknown key, and whatever `checked` refuses.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            loaded = read_yaml(path)
        except OSError as error:
            raise XnectError(str(path), f"cannot be read ({error.strerror})", "Check the path given to --config") from error
        except ValueError as error:
            raise XnectError(str(path), f"is not YAML ({error})", "Mend the file") from error
        if loaded is not None and not isinstance(loaded, dict):
            raise XnectError(str(path), "holds no keys", "Write 'section:' lines with 'key: value' below them")
        values = loaded or {}
    for item in overrides:
        key, separator, text = item.partition("=")
        if not separator:
            raise XnectError(f"--set {item}", "has no '='", "Write --set section.key=value")
        try:
            value = load_yaml(text)
        except ValueError as error:
            raise XnectError(f"--set {item[:80]}", f"has a value that is not YAML ({error})", "Quote the value") from error
        _put(values, key.strip().split("."), value)
    return _build(cls, values, prefix="")


def config_of(cls: type[T], values: Any, prefix: str = "") -> T:
    """Build ``cls`` from plain values, such as a weight file brings. Raises XnectError as `load_config` does."""
    if not isinstance(values, dict):
        raise XnectError(f"configuration section '{prefix.rstrip('.')}'", "holds no keys", "Write KEY: VALUE below it")
    return _build(cls, values, prefix)


def as_dict(config: Any) -> dict[str, Any]:
    """The effective configuration as plain values, for saving beside what it made."""
    return dataclasses.asdict(config)


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        branch = tree.setdefault(key, {})
        if not isinstance(branch, dict):
            raise XnectError(".".join(keys), f"'{key}' is a value, not a section", "Check the key")
        tree = branch
    tree[keys[-1]] = value


def checked(config: T, prefix: str = "") -> T:
    """``config`` as `load_config` would have made it, for one that was made in Python.

    Args:
        config: a configuration, or one of its sections.
        prefix: what error texts put before its keys, ``network.`` for that section.

    Raises:
        XnectError: for a value of the wrong type or out of its range, and for keys that do not go together.
    """
    names = [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]
    return _build(type(config), {name: getattr(config, name) for name in names}, prefix)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """Key -> its type, ranges and words included."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _build(cls: type[T], values: dict[str, Any], prefix: str) -> T:
    known = _hints(cls)  # type: ignore[arg-type]  # a class is hashable
    arguments = {}
    for key, value in values.items():
        name = f"{prefix}{str(key)[:80]}"
        if key not in known:
            near = difflib.get_close_matches(str(key)[:80], known, n=1, cutoff=0.4)
            hint = f"Did you mean '{prefix}{near[0]}'?" if near else f"Known keys: {', '.join(known)}"
            raise XnectError(f"configuration key '{name}'", "is unknown", hint)
        kind = known[key]
        if not dataclasses.is_dataclass(kind):
            arguments[key] = fitting(value, kind, name)
        elif isinstance(value, kind):  # type: ignore[arg-type]
            arguments[key] = checked(value, f"{name}.")
        elif isinstance(value, dict):
            arguments[key] = _build(kind, value, f"{name}.")  # type: ignore[arg-type]
        else:
            raise XnectError(f"configuration key '{name}'", "is a section, not a value", f"Write {name}.KEY=VALUE")
    config = cls(**arguments)
    for rule in getattr(cls, "rules", ()):
        if wrong := rule(config):
            raise XnectError(f"configuration section '{prefix.rstrip('.')}'" if prefix else "the configuration", *wrong)
    return config
