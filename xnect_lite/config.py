"""Configuration: frozen dataclasses are the schema, YAML files and ``key=value`` overrides only fill them in.

An unknown key or a value of the wrong type is an error that names the nearest key.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

from xnect_lite.errors import XnectError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Stage I at run time."""

    backbone: str = "selecsls60"  # a name in models/backbones.py
    weights: str = ""  # .safetensors, or an exported .onnx or .xml; empty = the shipped one for this backbone
    device: str = "auto"  # auto | cpu | cuda | cuda:N
    backend: str = "auto"  # auto | torch | compiled | cudagraph | openvino | onnxruntime
    precision: str = "auto"  # auto | fp32 | fp16 | bf16; auto: the back end's fastest, int8 if the weights ship in int8, too
    long_side_net_px: int = 512  # network input, longer side
    short_side_net_px: int = 320  # network input, shorter side; portrait sources swap the two


@dataclasses.dataclass(frozen=True)
class GroupingConfig:
    """From maps to people."""

    max_people: int = 10
    peak_threshold: float = 0.10  # a heatmap maximum below this is no joint
    max_peaks: int = 20  # per joint type
    limb_threshold: float = 0.05  # mean PAF agreement along a limb below this is no limb
    limb_samples: int = 10  # points read along a limb
    min_joints: int = 6  # fewer detected joints are no person
    person_threshold: float = 0.24  # evidence below this is no person


@dataclasses.dataclass(frozen=True)
class RefiningConfig:
    """The second look at everybody's maps."""

    network: bool = True  # use the refiner if there are weights for it; false = joints stay where grouping found them
    weights: str = ""  # a safetensors file; empty = the shipped one
    least_score: float = 0.1  # a joint less probable than this is not found
    mirrored: bool = False  # look at everybody's mirror image as well: a little better, at nearly twice the time


@dataclasses.dataclass(frozen=True)
class LiftingConfig:
    """Stage II."""

    network: bool = True  # use the lifting network if there are weights for it; false = always the raw read-out
    weights: str = ""  # a safetensors file; empty = the shipped one


FLOORS = ("estimated", "given", "level")


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """The camera, how it stands, and the body size that fixes the metric scale."""

    intrinsics: str = ""  # calibration file, see `intrinsics`; goes before focal_px and fov_deg
    focal_px: float = 0.0  # in source pixels; 0 = the longer side of the source picture
    fov_deg: float = 0.0  # horizontal field of view of the source picture, instead of focal_px; 0 = not given
    floor: str = "estimated"  # estimated from the people in view | given: by the next three | level
    pitch_deg: float = 0.0  # how far the camera looks down
    roll_deg: float = 0.0  # how far it is turned clockwise, as seen from behind
    height_m: float = 0.0  # of the camera above the floor, which then fixes the metric scale; 0 = not known
    stature_m: float = 0.0  # height of the people; 0 = not given: see height_m and depth_map, else 1.70
    stature_of: tuple[tuple[int, float], ...] = ()  # height of single identities, [[id, metres], ...]
    depth_map: bool = False  # take sizes from the network's depth map; only with weights trained on metric depth


@dataclasses.dataclass(frozen=True)
class TrackingConfig:
    """Identities over time."""

    gate: float = 0.9  # assignment cost (0..1) above which a detection is somebody new
    max_lost_s: float = 1.5  # a track unseen for longer is closed: only clothes can tell who it was
    remember_s: float = 60.0  # for so long; 0 = whoever comes back is somebody new
    known_again: float = 0.2  # difference of clothes (0..1) below which somebody is the same
    confirm_s: float = 0.1  # a track younger than this is not reported unless it is clear from the start
    confirm_score: float = 0.5  # a first detection with at least this person score is reported at once
    facing: bool = True  # which way people face is decided over time; false = by each frame alone


@dataclasses.dataclass(frozen=True)
class FilterConfig:
    """One-euro smoothing on real time stamps. Cut-offs in hertz, betas per unit of speed."""

    enabled: bool = True
    smoothing: float = 0.5  # 0 = none, 1 = very steady and slow; 0.5 = the cut-offs below as they are
    second_pass: bool = True  # recordings of whole files are filtered backwards too, so that nothing lags
    min_cutoff_2d_hz: float = 1.7
    beta_2d: float = 1.0  # per (torso length / s)
    min_cutoff_3d_hz: float = 1.2
    beta_3d: float = 0.8  # per (m / s)
    min_cutoff_root_hz: float = 0.8
    beta_root: float = 0.4  # per (m / s)


@dataclasses.dataclass(frozen=True)
class FittingConfig:
    """Stage III. Spreads: how far evidence is usually off. Speeds: how far a frame may be from the one predicted."""

    enabled: bool = True
    foot_lock: bool = False  # hold standing feet where they stand
    calibration_s: float = 2.0  # seconds of sightings after which somebody's bones are final; 0 = an average adult's
    iterations: int = 3  # Gauss-Newton steps per frame
    spread_3d_mm: float = 100.0  # of joints whose spread the lifting network does not give
    spread_2d_mm: float = 30.0  # of a surely found joint, in millimetres at the person's distance
    spread_depth: float = 0.04  # of the distance lifting placed somebody at, as a share of it
    outlier_sigmas: float = 3.0  # joints off by more than this lose their weight
    turn_speed: float = 3.0  # rad/s
    root_speed_mm_s: float = 3000.0  # across the line of sight
    depth_speed_mm_s: float = 800.0  # along it


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


def check_pipeline(config: PipelineConfig) -> PipelineConfig:
    """Return ``config``. Raises XnectError for physical values that cannot be."""
    for key, value, low, high in (
        ("camera.stature_m", config.camera.stature_m or 1.7, 0.3, 3.0),
        *(("camera.stature_of", stature, 0.3, 3.0) for _, stature in config.camera.stature_of),
        ("camera.focal_px", config.camera.focal_px, 0.0, 1e6),
        ("camera.fov_deg", config.camera.fov_deg or 60.0, 1.0, 170.0),
        ("camera.pitch_deg", config.camera.pitch_deg, -90.0, 90.0),
        ("camera.roll_deg", config.camera.roll_deg, -180.0, 180.0),
        ("camera.height_m", config.camera.height_m, 0.0, 1000.0),
        ("grouping.max_people", config.grouping.max_people, 1, 1000),
        ("refining.least_score", config.refining.least_score, 0.0, 1.0),
        ("filtering.smoothing", config.filtering.smoothing, 0.0, 1.0),
        ("fitting.iterations", config.fitting.iterations, 1, 100),
        ("fitting.calibration_s", config.fitting.calibration_s, 0.0, 600.0),
        *((f"fitting.{name}", getattr(config.fitting, name), 1e-3, 1e6) for name in (
            "spread_3d_mm", "spread_2d_mm", "spread_depth", "outlier_sigmas", "turn_speed", "root_speed_mm_s",
            "depth_speed_mm_s")),
    ):  # fmt: skip
        if not low <= value <= high:
            raise XnectError(f"configuration key '{key}'", f"is {value}, not within {low:g} to {high:g}", "Mend the value")
    if config.camera.floor not in FLOORS:
        raise XnectError("configuration key 'camera.floor'", f"is {config.camera.floor!r}", f"Choose of {', '.join(FLOORS)}")
    given = [key for key in ("intrinsics", "focal_px", "fov_deg") if getattr(config.camera, key)]
    if len(given) > 1:
        raise XnectError("camera", f"{' and '.join(given)} say the same thing", "Give one of them")
    return config


def load_config(cls: type[T], path: str | Path | None = None, overrides: typing.Sequence[str] = ()) -> T:
    """Build ``cls`` from its defaults, then a YAML file, then dotted ``key=value`` overrides.

    Raises XnectError for a file that cannot be read, an unknown key or a value of the wrong type.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise XnectError(str(path), f"cannot be read ({error.strerror})", "Check the path given to --config") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise XnectError(str(path), f"is not YAML ({str(error).splitlines()[0]})", "Mend the file") from error
        if loaded is not None and not isinstance(loaded, dict):
            raise XnectError(str(path), "holds no keys", "Write 'section:' lines with 'key: value' below them")
        values = loaded or {}
    for item in overrides:
        key, separator, text = item.partition("=")
        if not separator:
            raise XnectError(f"--set {item}", "has no '='", "Write --set section.key=value")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise XnectError(f"--set {item}", "has a value that is not YAML", "Quote the value") from error
        _put(values, key.strip().split("."), value)
    return _build(cls, values, prefix="")


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


def _build(cls: type[T], values: dict[str, Any], prefix: str) -> T:
    hints = typing.get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    arguments = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.4)
            hint = f"Did you mean '{prefix}{near[0]}'?" if near else f"Known keys: {', '.join(known)}"
            raise XnectError(f"configuration key '{name}'", "is unknown", hint)
        hint_type = hints[key]
        if dataclasses.is_dataclass(hint_type):
            if not isinstance(value, dict):
                raise XnectError(f"configuration key '{name}'", "is a section, not a value", f"Write {name}.KEY=VALUE")
            arguments[key] = _build(hint_type, value, prefix=f"{name}.")  # type: ignore[arg-type]
        else:
            arguments[key] = _convert(value, hint_type, name)
    return cls(**arguments)


def _convert(value: Any, hint: Any, name: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
        origin = typing.get_origin(hint)
    if origin is tuple:
        if isinstance(value, (list, tuple)):
            inner, *rest = typing.get_args(hint)
            if rest and rest[0] is not Ellipsis and len(value) != 1 + len(rest):
                raise XnectError(
                    f"configuration key '{name}'", f"needs {1 + len(rest)} values, got {len(value)}", "Write [a, b]"
                )
            kinds = [inner, *rest] if rest and rest[0] is not Ellipsis else [inner] * len(value)
            return tuple(_convert(v, k, name) for v, k in zip(value, kinds, strict=True))
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif hint is float and isinstance(value, str):  # YAML reads 2e-3 as text
        try:
            return float(value)
        except ValueError:
            pass
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    wanted = getattr(hint, "__name__", str(hint))
    raise XnectError(f"configuration key '{name}'", f"needs {wanted}, got {value!r}", "Mend the value")
