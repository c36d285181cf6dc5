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
    precision: str = "auto"  # auto | fp32 | fp16 | bf16
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
class LiftingConfig:
    """Stage II."""

    network: bool = True  # use the lifting network if there are weights for it; false = always the raw read-out
    weights: str = ""  # a safetensors file; empty = the shipped one


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """The camera and the body size that fixes the metric scale."""

    focal_px: float = 0.0  # in source pixels; 0 = the longer side of the source picture
    stature_m: float = 1.70  # assumed height of a person


@dataclasses.dataclass(frozen=True)
class TrackingConfig:
    """Identities over time."""

    gate: float = 0.9  # assignment cost (0..1) above which a detection is somebody new
    max_lost_s: float = 1.5  # a track unseen for longer is closed
    confirm_s: float = 0.1  # a track younger than this is not reported unless it is clear from the start
    confirm_score: float = 0.5  # a first detection with at least this person score is reported at once


@dataclasses.dataclass(frozen=True)
class FilterConfig:
    """One-euro smoothing on real time stamps. Cut-offs in hertz, betas per unit of speed."""

    enabled: bool = True
    min_cutoff_2d_hz: float = 1.7
    beta_2d: float = 0.3  # per (torso length / s)
    min_cutoff_3d_hz: float = 1.2
    beta_3d: float = 0.8  # per (m / s)
    min_cutoff_root_hz: float = 0.8
    beta_root: float = 0.4  # per (m / s)


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """Everything a run needs, from picture to skeletons."""

    network: NetworkConfig = NetworkConfig()
    grouping: GroupingConfig = GroupingConfig()
    lifting: LiftingConfig = LiftingConfig()
    camera: CameraConfig = CameraConfig()
    tracking: TrackingConfig = TrackingConfig()
    filtering: FilterConfig = FilterConfig()


def check_pipeline(config: PipelineConfig) -> PipelineConfig:
    """Return ``config``. Raises XnectError for physical values that cannot be."""
    for key, value, low, high in (
        ("camera.stature_m", config.camera.stature_m, 0.3, 3.0),
        ("camera.focal_px", config.camera.focal_px, 0.0, 1e6),
        ("grouping.max_people", config.grouping.max_people, 1, 1000),
    ):
        if not low <= value <= high:
            raise XnectError(f"configuration key '{key}'", f"is {value}, not within {low:g} to {high:g}", "Mend the value")
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
