"""Weight files: half precision there and back, checked before use, found in the documented order, never executed."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from bomb import Bomb
from safetensors.torch import save_file
from torch import nn

from xnect_lite.cli.main import main
from xnect_lite.errors import XnectError
from xnect_lite.inference import weight_search
from xnect_lite.inference.published import load_weights_into
from xnect_lite.inference.weights import (
    find_weights,
    load_network,
    manifest,
    read_weights,
    save_weights,
    search_folders,
    sha256,
    verify,
)
from xnect_lite.models.classifiers import build_classifier
from xnect_lite.models.compress import fuse, prune
from xnect_lite.models.selecsls import build_selecsls
from xnect_lite.models.xnect import XNect

BACKBONE = "selecsls42"


@pytest.fixture(scope="module")
def net() -> XNect:
    torch.manual_seed(1)
    return XNect(BACKBONE).eval()


@pytest.fixture(scope="module")
def shipped(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / f"xnect_{BACKBONE}.safetensors"
    save_weights(path, net.state_dict(), net.arch)
    return path


def test_round_trip_in_half_precision(net, shipped):
    loaded = load_network(shipped, BACKBONE)
    assert not loaded.training and loaded.arch == net.arch
    theirs = net.state_dict()
    for name, value in loaded.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert value.dtype == torch.float32
            torch.testing.assert_close(value, theirs[name].half().float(), rtol=0, atol=0, msg=name)
    image = torch.randint(0, 256, (1, 3, 32, 64)).float()
    with torch.inference_mode():
        for name, found in loaded(image).items():
            torch.testing.assert_close(found, net(image)[name], rtol=0.02, atol=0.02, msg=name)


def test_files_are_half_the_size_and_leave_nothing_beside_them(net, shipped):
    parameters = sum(p.numel() for p in net.parameters())
    assert 2 * parameters < shipped.stat().st_size < 2.1 * parameters
    assert [p.name for p in shipped.parent.iterdir()] == [shipped.name]


def test_saving_over_a_file_replaces_it_whole(tmp_path):
    path = tmp_path / "deep" / "w.safetensors"
    for value in (1.0, 2.0):
        save_weights(path, {"a": torch.full((3,), value), "count": torch.tensor(5)}, {"backbone": "x"})
    state, arch = read_weights(path)
    assert state["a"].tolist() == [2.0] * 3 and state["a"].dtype == torch.float32
    assert state["count"].dtype == torch.int64 and state["count"] == 5
    assert arch == {"backbone": "x"} and list(path.parent.iterdir()) == [path]


def test_what_half_precision_cannot_hold_is_kept_in_single(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"running_var": torch.tensor([1e6, 2.0]), "weight": torch.ones(2)}, {})
    assert read_weights(path)[0]["running_var"].tolist() == [1e6, 2.0]


def test_a_manifest_entry_without_words_is_listed_all_the_same(tmp_path, monkeypatch, capsys):
    (tmp_path / "w.safetensors").write_bytes(b"x")
    (tmp_path / "manifest.json").write_text(
        json.dumps({"files": {"w.safetensors": {"licence": "CC0", "sources": ["one", "two"]}}})
    )
    monkeypatch.setenv("XNECT_WEIGHTS", str(tmp_path))
    assert main(["weights", "list"]) == 0
    out = capsys.readouterr().out
    assert "licence: CC0" in out
    assert "accuracy: not stated" in out
    assert "  sources:\n    one\n    two\n" in out
    assert main(["weights", "verify"]) == 2  # without a sha256 there is nothing it could agree with


FORMS = [
    # what is special about the network in the file
    {"stride": 4},
    {"grouped": True},
    {"stride": 4, "grouped": True},
]


@pytest.mark.parametrize("options", FORMS, ids=str)
def test_a_file_brings_its_own_form(options, tmp_path):
    net = XNect(BACKBONE, **options)
    save_weights(tmp_path / "w.safetensors", net.state_dict(), net.arch)
    loaded = load_network(tmp_path / "w.safetensors", BACKBONE)
    assert loaded.arch == net.arch and loaded.stride == net.stride


@torch.inference_mode()
def test_a_pruned_network_is_read_back_as_narrow_as_it_was(tmp_path):
    net = XNect(BACKBONE).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight[::2] = 0
    small, _ = prune(net, torch.zeros(1, 3, 64, 64), 1e-3)
    save_weights(tmp_path / "w.safetensors", small.state_dict(), small.arch)
    loaded = load_network(tmp_path / "w.safetensors", BACKBONE)
    assert {k: v.shape for k, v in loaded.state_dict().items()} == {k: v.shape for k, v in small.state_dict().items()}
    image = 255 * torch.rand(1, 3, 64, 64)
    for name, expected in small(image).items():
        torch.testing.assert_close(loaded(image)[name], expected, rtol=0, atol=0.02 * float(expected.abs().max()))  # fp16


def test_pruned_layers_that_do_not_fit_one_another_are_refused(tmp_path):
    state = fuse(XNect(BACKBONE)).state_dict()
    key = "backbone.core.features.0.conv2.0.weight"
    state[key] = state[key][:, :-1]  # one input fewer than the layer before gives
    save_weights(tmp_path / "w.safetensors", state, {**XNect(BACKBONE).arch, "form": "fused"})
    with pytest.raises(XnectError, match=r"w\.safetensors.*layers that do not fit one another"):
        load_network(tmp_path / "w.safetensors", BACKBONE)


# -- files that must not be used -------------------------------------------------------------------------------------


def _rewrite(shipped, path, arch=None, drop: str = "", add: str = "", reshape: str = ""):
    state, own = read_weights(shipped)
    state = {k: v for k, v in state.items() if k != drop}
    if add:
        state[add] = torch.zeros(1)
    if reshape:
        state[reshape] = state[reshape][:1]
    save_weights(path, state, own if arch is None else arch)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arch": {"backbone": "selecsls60", "stride": 8, "encoding": 1}}, r"holds .*selecsls60.*, not .*selecsls42"),
        ({"arch": {"backbone": BACKBONE, "stride": 8, "encoding": 999}}, r"holds .*999.*, not "),
        ({"arch": {}}, "holds an unnamed network"),
        ({"arch": {"backbone": BACKBONE, "stride": 16, "encoding": 1}}, r"holds .*16.*, not .*8"),
        ({"arch": {"backbone": BACKBONE, "stride": 8, "encoding": 1, "form": "sparse"}}, "network of unknown form"),
        ({"arch": {"backbone": BACKBONE, "stride": 8, "encoding": 1, "grouped": [1]}}, "network of unknown form"),
        ({"drop": "heads.out_2d.bias"}, r"1 tensors missing, 0 unknown, such as 'heads.out_2d.bias'"),
        ({"add": "heads.extra"}, r"0 tensors missing, 1 unknown, such as 'heads.extra'"),
        ({"reshape": "heads.out_2d.bias"}, r"does not fit \(.*size mismatch.*heads.out_2d.bias"),
    ],
    ids=[
        "another backbone", "another encoding", "no description", "another stride", "another form", "odd groups",
        "a tensor missing", "a tensor too many", "another shape",
    ],
)  # fmt: skip
def test_files_for_something_else_are_refused(shipped, tmp_path, change, message):
    path = tmp_path / "other.safetensors"
    _rewrite(shipped, path, **change)
    with pytest.raises(XnectError, match=message) as caught:
        load_network(path, BACKBONE)
    assert caught.value.thing == str(path) and caught.value.next_step


def _manifest_for(path, digest: str) -> None:
    (path.parent / "manifest.json").write_text(json.dumps({"files": {path.name: {"sha256": digest}}}))


def test_a_damaged_file_is_told_from_the_manifest(shipped, tmp_path):
    path = tmp_path / shipped.name
    content = bytearray(shipped.read_bytes())
    path.write_bytes(content)
    _manifest_for(path, sha256(path))
    verify(path)
    load_network(path, BACKBONE)
    content[-5] ^= 1  # one bit of one tensor: still a valid safetensors file
    path.write_bytes(content)
    with pytest.raises(XnectError, match=r"is damaged: its sha256 is [0-9a-f]{12}…, expected is [0-9a-f]{12}…. Restore it"):
        load_network(path, BACKBONE)


def test_files_the_manifest_does_not_list_are_not_its_business(shipped, tmp_path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(shipped.read_bytes())
    (tmp_path / "manifest.json").write_text('{"files": {"other": {"sha256": "0"}}}')
    verify(path)


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"files": []}'], ids=["broken", "no files", "a list", "files a list"])
def test_a_broken_manifest_is_named(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(XnectError, match=r"manifest\.json: is no manifest"):
        manifest(tmp_path)


def test_no_manifest_is_an_empty_one(tmp_path):
    assert manifest(tmp_path) == {}


@pytest.mark.parametrize("kind", ["pickle", "torch.save", "text", "empty"])
def test_what_is_not_safetensors_is_refused_and_never_executed(tmp_path, kind):
    path, marker = tmp_path / f"xnect_{BACKBONE}.safetensors", tmp_path / "executed"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb(marker)))
    elif kind == "torch.save":
        torch.save({"a": Bomb(marker)}, path)
    else:
        path.write_text("hello" if kind == "text" else "")
    for load in (lambda: load_network(path, BACKBONE), lambda: load_weights_into(XNect(BACKBONE), path)):
        with pytest.raises(XnectError, match=r"is no safetensors file .* Check the path, or fetch the file again") as caught:
            load()
        assert caught.value.thing == str(path)
    assert not marker.exists()


def test_the_bomb_would_go_off_if_it_were_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "executed"))).close()
    assert (tmp_path / "executed").exists()


# -- where files are looked for --------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """(folder of $XNECT_WEIGHTS, of the package, of the user's cache), all empty."""
    import platformdirs

    own, package, cache = (tmp_path / name for name in ("own", "package", "cache"))
    for folder in (own, package, cache / "weights"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("XNECT_WEIGHTS", str(own))
    monkeypatch.setattr(weight_search, "_packaged_folder", lambda: package)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *a, **k: str(cache))
    return own, package, cache / "weights"


def test_search_order(folders, tmp_path):
    own, package, cache = folders
    assert search_folders() == [own, package, cache]
    name = "xnect_selecsls60.safetensors"
    for folder in (cache, package, own):  # each hides the ones before
        (folder / name).touch()
        assert find_weights("selecsls60") == folder / name
    given = tmp_path / "given.safetensors"
    given.touch()
    assert find_weights("selecsls60", str(given)) == given


def test_without_the_variable_the_package_comes_first(folders, monkeypatch):
    monkeypatch.delenv("XNECT_WEIGHTS")
    assert search_folders() == list(folders[1:])


def test_missing_files_say_where_was_looked_and_what_to_do(folders):
    with pytest.raises(XnectError) as caught:
        find_weights("resnet50")
    text = str(caught.value)
    assert caught.value.thing == "xnect_resnet50.safetensors" and all(str(f) in text for f in folders)
    assert "--weights" in caught.value.next_step and "xnect-lite train stage1" in caught.value.next_step
    with pytest.raises(XnectError, match=r"nowhere\.safetensors: no such weight file. Check the path given to --weights"):
        find_weights("resnet50", "nowhere.safetensors")


def test_the_package_holds_a_weights_folder():
    assert weight_search._packaged_folder().is_dir()


# -- starting a training run from a file -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def core_file(tmp_path_factory):
    """A core as published: reference keys, half precision, with a head and classifier that a pose network has no use for."""
    path = tmp_path_factory.mktemp("core") / "core.safetensors"
    torch.manual_seed(2)
    state = build_selecsls(BACKBONE, num_classes=4).state_dict()
    save_file({k: v.half() for k, v in state.items() if v.is_floating_point()}, path)
    return path


def test_start_from_a_core(core_file):
    net = XNect(BACKBONE)
    heads = {k: v.clone() for k, v in net.heads.state_dict().items()}
    load_weights_into(net, core_file)
    core, _ = read_weights(core_file)
    torch.testing.assert_close(net.backbone.core.features[3].conv2[0].weight.detach(), core["features.3.conv2.0.weight"])
    assert all(torch.equal(v, heads[k]) for k, v in net.heads.state_dict().items())


@pytest.mark.parametrize("backbone", ["selecsls42", "resnet50", "vovnet39"])
@torch.inference_mode()
def test_start_from_a_published_classifier(backbone, tmp_path):
    """The backbone alone gives what the classifier's own layers give at stride 16."""
    classifier = build_classifier(backbone, 3).eval()
    torch.save(classifier.state_dict(), tmp_path / "published.pth")
    net = XNect(backbone).eval()
    load_weights_into(net, tmp_path / "published.pth")
    seen = []
    inside = {"selecsls42": "features.5", "resnet50": "layer3", "vovnet39": "stages.2"}[backbone]
    classifier.get_submodule(inside).register_forward_hook(lambda _m, _i, out: seen.append(out))
    image = torch.randn(1, 3, 64, 64)
    classifier(image)
    expected = seen[0][0] if isinstance(seen[0], list) else seen[0]
    torch.testing.assert_close(net.backbone(image, (16,))[0], expected)


def test_start_from_a_whole_network(net, shipped):
    other = XNect(BACKBONE)
    load_weights_into(other, str(shipped))
    torch.testing.assert_close(other.heads.out_3d.weight, net.heads.out_3d.weight, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "_orig_mod.module.module."], ids=["DDP", "compiled", "both, and DDP twice"]
)
def test_weights_saved_through_a_wrapper_are_understood(net, tmp_path, prefix, suffix):
    """As a start, and as a network to use."""
    wrapped = {f"{prefix}{name}": value.contiguous() for name, value in net.state_dict().items()}
    path = tmp_path / f"wrapped.{suffix}"
    if suffix == "pt":
        torch.save({"state_dict": wrapped}, path)
    else:
        save_file(wrapped, path, metadata={"arch": json.dumps(net.arch)})
        loaded = load_network(path, BACKBONE)
        assert loaded.arch == net.arch and torch.equal(loaded.heads.out_3d.weight, net.heads.out_3d.weight)
    other = XNect(BACKBONE)
    load_weights_into(other, path)
    assert torch.equal(other.heads.out_3d.weight, net.heads.out_3d.weight)


@pytest.mark.parametrize("backbone", ["selecsls60", "resnet50"])
def test_a_core_for_another_backbone_is_refused(core_file, backbone):
    with pytest.raises(XnectError, match=r"core\.safetensors: does not fit.* Choose the matching backbone"):
        load_weights_into(XNect(backbone), core_file)


def test_a_start_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(XnectError, match="no such weight file"):
        load_weights_into(XNect(BACKBONE), tmp_path / "none.safetensors")
