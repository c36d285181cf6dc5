"""Stage I at run time: letterboxing to the pixel, honest devices and precisions, maps of the right shape."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import choose_device, choose_precision
from xnect_lite.models.xnect import XNect
from xnect_lite.stages.network import Predictor, letterbox_image, net_size, to_maps
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame, Letterbox, RunsOn

sizes = st.integers(8, 4000)
pixels = st.lists(st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000)), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(width=sizes, height=sizes, xy=pixels)
def test_there_and_back_is_the_same_pixel(width, height, xy):
    box = Letterbox.fit(width, height, *net_size(NetworkConfig(), (width, height)))
    xy = np.array(xy)
    np.testing.assert_allclose(box.to_source(box.to_net(xy)), xy, atol=1e-6)
    np.testing.assert_allclose(box.to_net(box.to_source(xy)), xy, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(width=sizes, height=sizes)
def test_the_picture_is_centred_unstretched_and_touches_two_sides(width, height):
    net = net_size(NetworkConfig(), (width, height))
    box = Letterbox.fit(width, height, *net)
    low, high = box.to_net(np.array([-0.5, -0.5])), box.to_net(np.array([width - 0.5, height - 0.5]))
    np.testing.assert_allclose((low + high) / 2, (np.array(net) - 1) / 2, atol=1e-6)
    np.testing.assert_allclose(high - low, np.array([width, height]) * box.scale, atol=1e-6)
    assert (low > -0.5 - 1e-6).all() and (high < np.array(net) - 0.5 + 1e-6).all()
    assert min(low + 0.5) < 1e-6


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (512, 320)),
        ((1080, 1920), (320, 512)),
        ((700, 700), (512, 320)),
    ],
    ids=["landscape", "portrait", "square"],
)
def test_the_input_turns_with_the_picture(size, expected):
    assert net_size(NetworkConfig(), size) == expected


@pytest.mark.parametrize(("long", "short"), [(500, 320), (512, 321), (0, 320), (512, 0), (-512, 320)])
def test_bad_input_sizes_are_refused(long, short):
    with pytest.raises(XnectError, match=r"'network\.(long|short)_side_net_px': needs 16 to 4096 in multiples of 16"):
        Predictor(NetworkConfig(long_side_net_px=long, short_side_net_px=short))


# -- pixels ----------------------------------------------------------------------------------------------------------


def _dot(width: int, height: int, x: float, y: float, sigma: float) -> np.ndarray:
    """A white bell on black at (x, y); integer coordinates are pixel centres."""
    xs, ys = np.arange(width), np.arange(height)
    bell = np.exp(-0.5 * ((xs - x) / sigma) ** 2) * np.exp(-0.5 * ((ys[:, None] - y) / sigma) ** 2)
    return np.repeat((255 * bell).round().astype(np.uint8)[..., None], 3, -1)


@pytest.mark.parametrize(
    ("width", "height"),
    [(1920, 1080), (1279, 721), (511, 319), (512, 320), (160, 100), (97, 61), (721, 1279), (60, 100), (3000, 300)],
    ids=lambda v: str(v),
)
@pytest.mark.parametrize("at", [(0.31, 0.27), (0.5, 0.5), (0.83, 0.71)], ids=["upper left", "middle", "lower right"])
def test_a_dot_lands_where_the_letterbox_says(width, height, at):
    box = Letterbox.fit(width, height, *net_size(NetworkConfig(), (width, height)))
    source = np.array([at[0] * width, at[1] * height])
    picture = _dot(width, height, *source, sigma=max(1.5, 2 / box.scale))
    net = letterbox_image(picture, box)
    assert net.shape == (box.net_height, box.net_width, 3) and net.dtype == np.uint8
    inside = np.zeros(net.shape[:2], bool)
    low, high = box.to_net(np.array([0, 0])), box.to_net(np.array([width - 1, height - 1]))
    inside[int(low[1]) + 2 : int(high[1]) - 1, int(low[0]) + 2 : int(high[0]) - 1] = True  # edges blend with the grey
    light = np.where(inside, net[..., 0].astype(float), 0)
    ys, xs = np.mgrid[: net.shape[0], : net.shape[1]]
    found = np.array([(light * xs).sum(), (light * ys).sum()]) / light.sum()
    np.testing.assert_allclose(found, box.to_net(source), atol=0.08)


def test_the_rest_is_grey_and_colours_keep_their_order():
    picture = np.zeros((50, 400, 3), np.uint8)
    picture[:] = (250, 120, 10)
    box = Letterbox.fit(400, 50, 512, 320)
    net = letterbox_image(picture, box)
    assert (net[:120] == 114).all() and (net[-120:] == 114).all()
    assert (net[132:188, 2:-2] == (250, 120, 10)).all()


def test_shrinking_averages_instead_of_skipping():
    """Single-pixel stripes become even grey: nothing flickers when the camera moves."""
    picture = np.zeros((1000, 1600, 3), np.uint8)
    picture[:, ::2] = 200
    net = letterbox_image(picture, Letterbox.fit(1600, 1000, 512, 320))
    assert np.abs(net[4:-4, 4:-4].astype(int) - 100).max() < 40  # bilinear alone gives the stripes' own 0 and 200


def test_a_picture_of_the_inputs_size_is_passed_on_unchanged():
    picture = np.random.default_rng(0).integers(0, 256, (320, 512, 3), dtype=np.uint8)
    np.testing.assert_array_equal(letterbox_image(picture, Letterbox.fit(512, 320, 512, 320)), picture)


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1)])
def test_slivers_do_not_fail(size):
    width, height = size
    box = Letterbox.fit(width, height, *net_size(NetworkConfig(), size))
    assert letterbox_image(np.zeros((height, width, 3), np.uint8), box).shape == (box.net_height, box.net_width, 3)


# -- devices and precisions ------------------------------------------------------------------------------------------


def _pretend_cuda(monkeypatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("name", "cards", "expected"),
    [("auto", 0, "cpu"), ("auto", 1, "cuda"), ("cpu", 1, "cpu"), ("cuda", 1, "cuda"), ("cuda:1", 2, "cuda:1")],
)
def test_devices(monkeypatch, name, cards, expected):
    _pretend_cuda(monkeypatch, cards)
    assert str(choose_device(name)) == expected


@pytest.mark.parametrize(
    ("name", "cards", "message"),
    [
        ("cuda", 0, r"--device cuda: this torch sees no CUDA device. Use --device cpu"),
        ("cuda:0", 0, r"this torch sees no CUDA device"),
        ("cuda:2", 2, r"there are only 2 CUDA devices. Choose a lower number"),
        ("gpu", 1, r"--device gpu: is no device this runs on. Use auto, cpu, cuda or cuda:N"),
        ("mps", 0, r"--device mps: is no device this runs on"),
        ("meta", 0, r"--device meta: is no device this runs on"),
        ("", 0, r"--device : is no device this runs on"),
    ],
)
def test_devices_that_are_not_there_are_an_error(monkeypatch, name, cards, message):
    _pretend_cuda(monkeypatch, cards)
    with pytest.raises(XnectError, match=message):
        choose_device(name)


@pytest.mark.parametrize(
    ("name", "device", "has_bf16", "expected"),
    [
        ("auto", "cuda", True, torch.bfloat16),
        ("auto", "cuda", False, torch.float16),
        ("auto", "cpu", True, torch.bfloat16),
        ("auto", "cpu", False, torch.float32),
        ("fp32", "cuda", False, torch.float32),
        ("fp16", "cuda", False, torch.float16),
        ("bf16", "cpu", False, torch.bfloat16),
    ],
)
def test_precisions(monkeypatch, name, device, has_bf16, expected):
    monkeypatch.setattr("xnect_lite.inference.devices._cpu_has_bf16", lambda: has_bf16)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0) if has_bf16 else (7, 5))
    assert choose_precision(name, torch.device(device)) == expected


def test_an_unknown_precision_names_the_known_ones():
    with pytest.raises(XnectError, match=r"--precision int8: is unknown. Use auto, fp32, fp16, bf16"):
        choose_precision("int8", torch.device("cpu"))


# -- the predictor ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def net() -> XNect:
    torch.manual_seed(0)
    return XNect("selecsls42").eval()


def _config(precision: str = "fp32") -> NetworkConfig:
    return NetworkConfig(device="cpu", precision=precision, long_side_net_px=96, short_side_net_px=64)


@pytest.mark.parametrize(("size", "cells"), [((200, 100), (8, 12)), ((100, 200), (12, 8))], ids=["landscape", "portrait"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_maps_of_a_frame(net, size, cells, precision):
    predictor = Predictor(_config(precision), net)
    assert predictor.runs_on == RunsOn("selecsls60", "CPU", "torch", precision)
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    timer = StageTimer()
    maps = predictor(Frame(image, 0.0, 0), timer)
    assert set(timer.finish_frame()) >= {"preprocess", "network"}
    assert maps.heatmaps.shape == (24, *cells) and maps.centre.shape == cells and maps.depth.shape == cells
    assert maps.pafs.shape == (50, *cells) and maps.locations.shape == (72, *cells)
    assert {m.dtype for m in (maps.heatmaps, maps.centre, maps.pafs, maps.locations, maps.depth)} == {torch.float32}
    assert maps.heatmaps.min() > 0 and maps.heatmaps.max() < 1
    assert maps.letterbox == Letterbox.fit(*size, cells[1] * 8, cells[0] * 8) and maps.stride == 8


def test_the_network_is_shown_rgb_as_it_is(net):
    """Maps of a frame are those of its letterboxed pixels in RGB order, not BGR."""
    image = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8), (5, 5), 0)
    maps = Predictor(_config(), net)(Frame(image, 0.0, 0), StageTimer())
    with torch.inference_mode():
        direct = net(torch.from_numpy(image).permute(2, 0, 1)[None].float())
    torch.testing.assert_close(maps.locations, direct["locations"][0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(maps.heatmaps, direct["heatmaps"][0].sigmoid(), rtol=1e-3, atol=1e-4)


def test_rows_of_a_batch_are_told_apart(net):
    box = Letterbox.fit(96, 64, 96, 64)
    with torch.inference_mode():
        outputs = net(torch.randint(0, 256, (2, 3, 64, 96)).float())
    for row in range(2):
        torch.testing.assert_close(to_maps(outputs, box, row).depth, outputs["depth"][row, 0])


def test_without_weights_the_error_comes_from_the_search(monkeypatch, tmp_path):
    monkeypatch.setattr("xnect_lite.inference.weight_search.search_folders", lambda: [tmp_path])
    with pytest.raises(XnectError, match=r"xnect_resnet50\.safetensors: found in none of"):
        Predictor(NetworkConfig(backbone="resnet50", device="cpu"))
