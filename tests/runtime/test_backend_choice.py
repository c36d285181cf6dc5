"""Which back end is taken, and what is said when that cannot be."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import shutil

import pytest
import torch
from bomb import Bomb
from small_network import NAME, pictures, register, small_network

from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.runtime.backends import cache, choose
from xnect_lite.runtime.backends.choose import open_backend
from xnect_lite.runtime.backends.files import ARCH_KEY
from xnect_lite.weights import save_weights

needs_openvino = pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is not installed")
needs_onnx = pytest.mark.skipif(
    not (importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime")), reason="ONNX Runtime is not installed"
)


@pytest.fixture(scope="module")
def net():
    return small_network()


@pytest.fixture
def weights(net, tmp_path, monkeypatch):
    """The small network's weight file; its name is known."""
    register(monkeypatch)
    file = tmp_path / "small.safetensors"
    save_weights(file, net.state_dict(), net.arch)
    return file


def _config(weights="", **values) -> NetworkConfig:
    return NetworkConfig(NAME, str(weights), **{"device": "cpu", **values})


# -- auto ------------------------------------------------------------------------------------------------------------


@needs_openvino
def test_auto_takes_openvino_for_a_weight_file_on_the_cpu(weights):
    assert open_backend(_config(weights)).name == "openvino"


def test_auto_is_torch_for_a_network_in_memory(net):
    assert open_backend(_config(), net).name == "torch"


def test_auto_is_torch_where_openvino_is_not_installed(weights, monkeypatch):
    monkeypatch.setattr(choose.importlib.util, "find_spec", lambda name: None)
    assert open_backend(_config(weights)).name == "torch"


@needs_openvino
def test_auto_is_torch_for_a_precision_that_openvino_lacks(weights):
    backend = open_backend(_config(weights, precision="fp16"))
    assert (backend.name, backend.precision) == ("torch", "fp16")


@needs_openvino
def test_auto_falls_back_to_torch_and_says_why(weights, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no such instruction")

    monkeypatch.setattr("xnect_lite.runtime.backends.openvino.open_weights", fail)
    with caplog.at_level(logging.WARNING):
        assert open_backend(_config(weights)).name == "torch"
    assert "openvino cannot run this network (no such instruction); using torch instead" in caplog.text


@needs_openvino
def test_auto_does_not_hide_a_wrong_weight_file(weights):
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(XnectError, match=r"small\.safetensors: is no safetensors file"):
        open_backend(_config(weights))


@pytest.mark.parametrize(("fails", "expected"), [(False, "cudagraph"), (True, "torch")], ids=["works", "cannot be captured"])
def test_auto_on_a_gpu(weights, monkeypatch, fails, expected):
    """A CUDA graph, or torch where the driver refuses it. The GPU here is pretended."""

    class Pretended:
        def __init__(self, name):
            self.name = name

        def __call__(self, images):
            if fails and self.name == "cudagraph":
                raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    monkeypatch.setattr(choose, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(choose, "_torch_backend", lambda name: lambda *_: Pretended(name))
    assert open_backend(_config(weights, device="auto")).name == expected


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backend": "tensorrt"}, r"--backend tensorrt: is unknown. Use auto, torch, compiled, cudagraph, openvino, onnxr"),
        ({"backend": ""}, r"--backend : is unknown"),
        ({"device": "cuda"}, r"--device cuda: this torch sees no CUDA device"),
        ({"device": "cuda", "backend": "openvino"}, r"--device cuda: this torch sees no CUDA device"),
        ({"backend": "cudagraph"}, r"--backend cudagraph: needs a CUDA device"),
        ({"backend": "cudagraph", "device": "auto"}, r"--backend cudagraph: needs a CUDA device"),
        ({"precision": "int8"}, r"--precision int8: is unknown. Use auto, fp32, fp16, bf16"),
        pytest.param(
            {"backend": "openvino", "precision": "fp16"},
            r"--precision fp16: is not what OpenVINO computes in on this CPU. Use fp32",
            marks=needs_openvino,
        ),
        pytest.param(
            {"backend": "onnxruntime", "precision": "bf16"},
            r"--precision bf16: ONNX Runtime computes in fp32 here. Use fp32, or another --backend",
            marks=needs_onnx,
        ),
    ],
    ids=lambda v: " ".join(f"{k}={x}" for k, x in v.items()) if isinstance(v, dict) else "",
)
def test_what_is_not_there_is_an_error(weights, monkeypatch, values, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(XnectError, match=message):
        open_backend(_config(weights, **values))


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_cpu_back_ends_do_not_take_a_gpu_that_was_asked_for(weights, monkeypatch, backend):
    monkeypatch.setattr(choose, "choose_device", lambda name: torch.device("cuda"))
    with pytest.raises(XnectError, match=rf"--device cuda: {backend} runs on the CPU here. Use --device cpu"):
        open_backend(_config(weights, device="cuda", backend=backend))


@pytest.mark.parametrize(
    ("package", "backend", "extra"),
    [("openvino", "openvino", "cpu"), ("onnxruntime", "onnxruntime", "export"), ("onnx", "onnxruntime", "export")],
)
def test_a_missing_package_is_named_with_its_extra(weights, monkeypatch, package, backend, extra):
    real = importlib.import_module

    def without(name, *more):
        if name == package:
            raise ModuleNotFoundError(f"No module named '{name}'")
        return real(name, *more)

    monkeypatch.setattr("xnect_lite.runtime.backends.packages.importlib.import_module", without)
    message = rf"needs the package {package}, which is not installed .*pip install -e '\.\[{extra}\]'"
    with pytest.raises(XnectError, match=message):
        open_backend(_config(weights, backend=backend))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ts", ".torchscript", ".PKL"])
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_files_that_may_run_code_are_not_opened(tmp_path, suffix, backend):
    file = tmp_path / f"network{suffix}"
    torch.save({"x": Bomb(str(tmp_path / "ran"))}, file)
    with pytest.raises(XnectError, match=r"may run code when it is opened, and is not. Give a \.safetensors, \.onnx or \.xml"):
        open_backend(_config(file, backend=backend))
    assert not (tmp_path / "ran").exists()


# -- exported files --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def onnx_file(net, tmp_path_factory):
    from xnect_lite.runtime.backends import onnx_runtime

    file = tmp_path_factory.mktemp("onnx") / "network.onnx"
    file.write_bytes(onnx_runtime.convert(net))
    return file


@pytest.fixture(scope="module")
def xml_file(net, tmp_path_factory):
    from xnect_lite.runtime.backends import openvino

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
        from xnect_lite.runtime.backends import openvino

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
    assert open_backend(_config(file)).name == name
    with pytest.raises(XnectError, match=rf"{file.name}: runs on {name}, not on torch. Use --backend {name}"):
        open_backend(_config(file, backend="torch"))


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
        open_backend(_config(exported.with_stem("other")))


@both_formats
def test_a_form_of_the_same_network_is_taken(net, exported):
    """Fused or pruned: the backbone's name, the stride and the encoding say how to read the maps."""
    _rewrite_arch(exported, {**net.arch, "form": "fused"})
    assert open_backend(_config(exported.with_stem("other")))(pictures(1, 32, 32))["pafs"].shape == (1, 50, 4, 4)


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
        open_backend(_config(exported))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [pytest.param(".onnx", marks=needs_onnx), pytest.param(".xml", marks=needs_openvino)])
@pytest.mark.parametrize("content", [b"", b"hello", b"<html></html>", b"<net></net>", b"\x80\x04\x95", bytes(1000)])
def test_other_files_are_refused(tmp_path, suffix, content):
    file = tmp_path / f"network{suffix}"
    file.write_bytes(content)
    with pytest.raises(XnectError, match=rf"{file.name}: (is not an|holds an unnamed network)") as caught:
        open_backend(_config(file))
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
        open_backend(_config(file))


@needs_openvino
@pytest.mark.parametrize("exported", ["xml_file"], indirect=True)
def test_other_heads_in_an_openvino_file_are_refused(exported):
    exported.write_text(exported.read_text().replace("heatmaps", "warmth"))
    with pytest.raises(XnectError, match=r"network\.xml: expected outputs and channels heatmaps 24, .*; found warmth 24"):
        open_backend(_config(exported))


# -- the cache -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@needs_openvino
def test_a_conversion_is_made_once(weights, folder, monkeypatch):
    first = open_backend(_config(weights, backend="openvino"))(pictures(1, 32, 32))
    monkeypatch.setattr("xnect_lite.runtime.backends.openvino.convert", lambda net: pytest.fail("converted again"))
    second = open_backend(_config(weights, backend="openvino"))(pictures(1, 32, 32))
    assert torch.equal(first["pafs"], second["pafs"])
    assert len(list(folder.iterdir())) == 1


@needs_openvino
def test_a_damaged_conversion_is_made_anew(weights, folder):
    first = open_backend(_config(weights, backend="openvino", precision="fp32"))(pictures(1, 32, 32))
    (entry,) = folder.iterdir()
    whole = (entry / "network.bin").read_bytes()
    (entry / "network.bin").write_bytes(bytes(len(whole)))  # as large as before: only the digest tells
    again = open_backend(_config(weights, backend="openvino", precision="fp32"))(pictures(1, 32, 32))
    assert torch.equal(first["pafs"], again["pafs"]) and (entry / "network.bin").read_bytes() == whole


@pytest.mark.parametrize("file", ["network", "entry.json"])
@pytest.mark.parametrize(
    "damage",
    [lambda file: file.unlink(), lambda file: file.write_bytes(b""), lambda file: file.write_bytes(b"{}"),
     lambda file: file.write_bytes(b"[1]"), lambda file: file.write_bytes(file.read_bytes()[:-1] + b"!")],
    ids=["gone", "empty", "no content", "other content", "one byte changed"],
)  # fmt: skip
def test_a_damaged_entry_counts_as_absent(folder, file, damage):
    cache.store("it", lambda part: (part / "network").write_text("x"))
    assert cache.find("it") == folder / "it"
    damage(folder / "it" / file)
    assert cache.find("it") is None
    assert cache.store("it", lambda part: (part / "network").write_text("x")) == folder / "it"


def test_what_fails_while_being_written_leaves_nothing(folder):
    def fail(part):
        (part / "network").write_text("x")
        raise OSError(28, "No space left on device")

    assert cache.store("it", fail) is None and list(folder.iterdir()) == []


@needs_openvino
def test_other_weights_are_another_entry(weights, folder, monkeypatch):
    """One file with new content, as in training, does not get the old network."""
    keys = []
    monkeypatch.setattr(cache, "find", keys.append)
    monkeypatch.setattr(cache, "store", lambda key, write: None)
    monkeypatch.setattr("xnect_lite.runtime.backends.openvino.convert", lambda net: None)
    monkeypatch.setattr("xnect_lite.runtime.backends.openvino.OpenVinoBackend", lambda model, precision: None)
    for seed in (0, 1, 1):
        save_weights(weights, small_network(seed).state_dict(), small_network().arch)
        open_backend(_config(weights, backend="openvino"))
    assert keys[0] != keys[1] == keys[2]


@needs_openvino
def test_without_a_folder_to_write_it_works_all_the_same(weights, folder):
    folder.write_text("a file where the folder should be")
    assert open_backend(_config(weights, backend="openvino"))(pictures(1, 32, 32))["depth"].shape == (1, 1, 4, 4)


def test_only_the_entries_used_last_are_kept(folder):
    for number in range(9):
        assert cache.store(f"entry{number}", lambda part: (part / "x").write_text("x"))
        cache.find("entry0")
    kept = {p.name for p in folder.iterdir()}
    assert len(kept) == 6 and {"entry0", "entry8"} <= kept and "entry1" not in kept
