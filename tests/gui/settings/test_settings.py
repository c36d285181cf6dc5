"""What is kept between runs, and what it means to the pipeline."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from xnect_lite.config import CameraConfig, FilterConfig, NetworkConfig, PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.gui.settings.qt_store import QtStore
from xnect_lite.gui.settings.store import MemoryStore, SettingsKeeper, load_settings, save_settings
from xnect_lite.gui.settings.values import Settings, pipeline_config, wished_size

OTHER = Settings(
    camera="camera:/dev/video2", start_camera=True, resolution="1280x720", rate=30.0, mirror=True, backbone="resnet50",
    backend="torch", precision="fp32", device="cpu", max_people=3, smoothing=0.8, stature_m=1.6,
    foot_lock=not Settings().foot_lock, lens="fov", fov_deg=70.0, floor="given", pitch_deg=12.0, camera_height_m=1.4,
    takes="/tmp/x", countdown_s=3, keep_video=False, osc=True, osc_address="10.0.0.2:40000", file_action="preview",
    quality="best", overlay=True, appearance="dark", recent=("/a b/c.mp4", "/ü.mov"),
)  # fmt: skip


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else QtStore(tmp_path / "settings.ini")


def test_everything_is_kept(store):
    save_settings(store, OTHER)
    store.keep_data("window/state", b"\x00\xff\n")
    assert load_settings(store) == OTHER and store.data("window/state") == b"\x00\xff\n"
    assert not [f.name for f in dataclasses.fields(Settings) if getattr(OTHER, f.name) == f.default and f.name not in
                ("intrinsics", "export")], "a default would prove nothing"  # fmt: skip


def test_the_file_is_read_by_the_next_run(tmp_path):
    save_settings(QtStore(tmp_path / "s.ini"), OTHER)
    assert load_settings(QtStore(tmp_path / "s.ini")) == OTHER


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("smoothing", "not JSON"),
        ("smoothing", "7"),  # out of its range
        ("smoothing", '"much"'),
        ("lens", '"fisheye"'),
        ("recent", '{"a": 1}'),
        ("recent", "[1, 2]"),
        ("max_people", "[" * 10000),
        ("fov_deg", "NaN"),
    ],
)
def test_a_damaged_setting_is_its_default_and_the_log_says_so(store, name, text, caplog):
    save_settings(store, OTHER)
    store.keep_text(f"settings/{name}", text)
    with caplog.at_level(logging.WARNING):
        found = load_settings(store)
    assert found == dataclasses.replace(OTHER, **{name: getattr(Settings(), name)})
    assert f"'{name}'" in caplog.text and len(caplog.records) == 1


def test_a_file_of_rubbish_is_no_settings(tmp_path):
    (tmp_path / "s.ini").write_bytes(bytes(range(256)) * 20)
    assert load_settings(QtStore(tmp_path / "s.ini")) == Settings()


def test_changes_are_kept_at_once_and_wrong_ones_not_at_all(store):
    keeper = SettingsKeeper(store)
    keeper.change(smoothing=0.9)
    with pytest.raises(XnectError, match="smoothing"):
        keeper.change(smoothing=2.0)
    assert keeper.now.smoothing == load_settings(store).smoothing == 0.9
    assert keeper.reset() == Settings() == load_settings(store)


def test_recent_files_are_the_last_eight_the_newest_first(store, tmp_path):
    keeper = SettingsKeeper(store)
    for n in (*range(10), 3):
        keeper.remember_file(str(tmp_path / f"{n}.mp4"))
    assert [path[-5] for path in keeper.now.recent] == list("39876542")


def test_settings_reach_the_pipeline():
    config = pipeline_config(OTHER, PipelineConfig())
    assert (config.network.backbone, config.network.backend, config.network.device) == ("resnet50", "torch", "cpu")
    assert (config.camera.fov_deg, config.camera.pitch_deg, config.camera.floor) == (70.0, 12.0, "given")
    assert config.filtering.smoothing == 0.8 and config.fitting.foot_lock == OTHER.foot_lock and config.grouping.max_people == 3
    assert pipeline_config(Settings(), PipelineConfig()) == PipelineConfig(), "defaults change nothing"


@pytest.mark.parametrize(
    ("given", "key", "value"),
    [
        (PipelineConfig(network=NetworkConfig(backbone="selecsls42")), "network.backbone", "selecsls42"),
        (PipelineConfig(filtering=FilterConfig(smoothing=0.2)), "filtering.smoothing", 0.2),
        (PipelineConfig(camera=CameraConfig(focal_px=900.0)), "camera.fov_deg", 0.0),  # both would say the same thing
        (PipelineConfig(camera=CameraConfig(floor="level")), "camera.pitch_deg", 0.0),
    ],
)
def test_the_command_line_goes_before_the_settings(given, key, value):
    section, name = key.split(".")
    assert getattr(getattr(pipeline_config(OTHER, given), section), name) == value


def test_a_mirror_is_no_part_of_the_pipeline():
    """What is recorded never has left and right swapped."""
    assert pipeline_config(dataclasses.replace(OTHER, mirror=False), PipelineConfig()) == pipeline_config(
        OTHER, PipelineConfig()
    )


def test_a_size_wished_of_a_camera():
    assert wished_size(OTHER) == (1280, 720) and wished_size(Settings()) is None
