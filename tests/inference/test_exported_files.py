"""Exported files as weights: each chooses its back end; other networks and damaged files are refused."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
import torch
from small_network import pictures
from weight_files import needs_onnx, needs_openvino, network_config

from xnect_lite.errors import XnectError
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.files import ARCH_KEY


@pytest.fixture(scope="module")
def onnx_file(net, tmp_path_factory):
    from xnect_lite.inference import onnx_runtime

    file = tmp_path_factory.mktemp("onnx") / "network.onnx"
    file.write_bytes(onnx_runtime.convert(net))
    return file


@pytest.fixture(scope="module")
def xml_file(net, tmp_path_factory):
    from xnect_lite.inference import openvino

    file = tmp_path_factory.mktemp("xml") / "network.xml"
    openvino.save(openvino.convert(net), file)
    return file


@pytest.fixture
def exported(request, tmp_path):
    """The test's own copy of an exported file; ``request.param`` names the fixture that made it."""
    made = request.getfixturevalue(request.param)
    shutil.copytree(made.parent, tmp_path / "exported")
    return tmp_path / "exported" / made.name


def _rewrite_arch(file, arch: dict) -> None:
    if file.suffix == ".xml":
        from xnect_lite.inference import openvino

        model = openvino.read(file)
        model.set_rt_info(json.dumps(arch), [ARCH_KEY])
        file = file.with_name("other.xml")  # the first one's weights are still being read from
        openvino.save(model, file)
        return
    import onnx

    model = onnx.load(str(file))
    onnx.helper.set_model_props(model, {ARCH_KEY: json.dumps(arch)})
    onnx.save(model, str(file.with_name("other.onnx")))


both_formats = pytest.mark.parametrize(
    "exported",
    [pytest.param("onnx_file", marks=needs_onnx, id="onnx"), pytest.param("xml_file", marks=needs_openvino, id="openvino")],
    indirect=True,
)


@both_formats
def test_an_exported_file_chooses_its_back_end(exported):
    file, name = exported, {".onnx": "onnxruntime", ".xml": "openvino"}[exported.suffix]
    assert open_backend(network_config(file)).name == name
    with pytest.raises(XnectError, match=rf"{file.name}: runs on {name}, not on torch. Use --backend {name}"):
        open_backend(network_config(file, backend="torch"))


@both_formats
@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (
            {"backbone": "resnet50"},
            r"holds \{'backbone': 'resnet50'.*not \{'backbone': 'selecsls_small'.*--weights and --backbone",
        ),
        ({"encoding": 99}, r"holds .*'encoding': 99"),
        ({"stride": 2}, r"holds .*'stride': 2"),
        (None, r"holds an unnamed network, not"),
    ],
    ids=["another backbone", "another encoding", "another stride", "no name at all"],
)
def test_another_architecture_is_refused(net, exported, arch, message):
    _rewrite_arch(exported, {**net.arch, **arch} if arch else {})
    with pytest.raises(XnectError, match=rf"other{exported.suffix}: {message}"):
        open_backend(network_config(exported.with_stem("other")))


@both_formats
def test_a_form_of_the_same_network_is_taken(net, exported):
    """Fused or pruned: the backbone's name, the stride and the encoding say how to read the maps."""
    _rewrite_arch(exported, {**net.arch, "form": "fused"})
    assert open_backend(network_config(exported.with_stem("other")))(pictures(1, 32, 32))["pafs"].shape == (1, 50, 4, 4)


@both_formats
@pytest.mark.parametrize(
    ("part", "keep"),
    [("itself", 0.5), ("itself", 0.0), ("itself", 0.999), ("weights", 0.5), ("weights", 0.0), ("weights", None)],
    ids=["half of it", "nothing of it", "all but its end", "half the weights", "no weights", "without its weights"],
)
def test_a_file_cut_short_is_refused(exported, part, keep):
    cut = exported if part == "itself" else exported.with_suffix(".bin")
    if not cut.exists():
        pytest.skip("its weights are in the same file")
    if keep is None:
        cut.unlink()
    else:
        cut.write_bytes(cut.read_bytes()[: int(keep * cut.stat().st_size)])
    with pytest.raises(XnectError, match=rf"{exported.name}: (is not an|holds|expected)") as caught:
        open_backend(network_config(exported))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [pytest.param(".onnx", marks=needs_onnx), pytest.param(".xml", marks=needs_openvino)])
@pytest.mark.parametrize("content", [b"", b"hello", b"<html></html>", b"<net></net>", b"\x80\x04\x95", bytes(1000)])
def test_other_files_are_refused(tmp_path, suffix, content):
    file = tmp_path / f"network{suffix}"
    file.write_bytes(content)
    with pytest.raises(XnectError, match=rf"{file.name}: (is not an|holds an unnamed network)") as caught:
        open_backend(network_config(file))
    assert "\n" not in str(caught.value)


def _with_metadata(net, model: torch.nn.Module, names: list[str], dtype: torch.dtype = torch.uint8) -> bytes:
    import io

    import onnx

    file = io.BytesIO()
    example = torch.zeros(1, 32, 32, 3, dtype=dtype)
    torch.onnx.export(model, (example,), file, output_names=names, opset_version=17, dynamo=False)
    proto = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(proto, {ARCH_KEY: json.dumps(net.arch)})
    return proto.SerializeToString()


class Fewer(torch.nn.Module):
    """Maps of wrong heads: ``channels`` of each."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.channels = channels
        self.layer = torch.nn.Conv2d(3, sum(channels), 8, 8)

    def forward(self, image):
        return tuple(self.layer(image.permute(0, 3, 1, 2).float()).split(self.channels, 1))


OUTPUTS = ["heatmaps", "centre", "pafs", "locations", "depth"]


@needs_onnx
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("channels", "names", "dtype", "message"),
    [
        (
            [21, 1, 50, 72, 1],
            OUTPUTS,
            torch.uint8,
            r"expected outputs and channels heatmaps 24, .*; found heatmaps 21, centre 1",
        ),
        ([24, 1, 50, 72], OUTPUTS[:4], torch.uint8, r"expected outputs .* depth 1; found .* locations 72\. Export it again"),
        ([24, 1, 50, 72, 1], ["a", "b", "c", "d", "e"], torch.uint8, r"expected outputs .*; found a 24, b 1"),
        ([24, 1, 50, 72, 1], OUTPUTS, torch.float32, r"expected one input, uint8 of 4 axes; found float of 4 axes"),
    ],
    ids=["fewer joints", "an output too few", "other names", "floats as input"],
)
def test_other_heads_are_refused(net, tmp_path, channels, names, dtype, message):
    file = tmp_path / "network.onnx"
    file.write_bytes(_with_metadata(net, Fewer(channels), names, dtype))
    with pytest.raises(XnectError, match=rf"network\.onnx: {message}"):
        open_backend(network_config(file))


@needs_openvino
@pytest.mark.parametrize("exported", ["xml_file"], indirect=True)
def test_other_heads_in_an_openvino_file_are_refused(exported):
    exported.write_text(exported.read_text().replace("heatmaps", "warmth"))
    with pytest.raises(XnectError, match=r"network\.xml: expected outputs and channels heatmaps 24, .*; found warmth 24"):
        open_backend(network_config(exported))


@needs_openvino
def test_an_xml_that_reads_but_does_not_compile_is_one_line(tmp_path, net, monkeypatch):
    """OpenVINO compiles a network for the size of the first picture, long after it was read."""
    from xnect_lite.inference import openvino

    path = tmp_path / "odd.xml"
    openvino.save(openvino.convert(net), path)
    backend = openvino.open_file(path, net.arch["backbone"])

    def refuse(*_):
        raise RuntimeError("Exception from src/core.cpp:109:\nCheck 'x' failed at y.cpp:3:\nno such kernel\n\n")

    monkeypatch.setattr(backend, "_core", SimpleNamespace(compile_model=refuse))
    with pytest.raises(XnectError, match=r"odd\.xml: cannot be run by OpenVINO \(no such kernel\)") as said:
        backend(pictures(1, 32, 64))
    assert "\n" not in str(said.value)
