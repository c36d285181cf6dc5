"""Weight files and manifests that anybody may have made: refused in one line, or read as what they are."""

from __future__ import annotations

import json

import pytest
import torch
from cases import ATTACKS, needs_cases
from safetensors.torch import save_file

from xnect_lite.cli.main import main
from xnect_lite.errors import XnectError
from xnect_lite.inference.files import check_arch
from xnect_lite.inference.weights import load_network, manifest, read_weights, verify
from xnect_lite.models.compress import fuse
from xnect_lite.models.xnect import XNect

BACKBONE = "selecsls42"


@pytest.fixture(scope="module")
def net() -> XNect:
    return XNect(BACKBONE).eval()


def refusal(path) -> str:
    with pytest.raises(XnectError) as said:
        load_network(path, BACKBONE)
    assert str(said.value).isprintable() and len(str(said.value)) < 1200
    return str(said.value)


ARCHS = [
    "null", "5", "[1]", '"x"', "[" * 50_000, "{", '{"backbone": ["selecsls42"]}', '{"backbone": "selecsls42", "stride": {}}',
    '{"backbone": "selecsls42", "stride": 8, "encoding": null}', "1e999", '{"a": "' + "\\u001b" * 3000 + '"}',
]  # fmt: skip


@pytest.mark.parametrize("arch", ARCHS, ids=lambda a: a[:40])
def test_an_arch_that_is_none(tmp_path, arch):
    save_file({"a": torch.zeros(2)}, tmp_path / "w.safetensors", metadata={"arch": arch})
    refusal(tmp_path / "w.safetensors")
    with pytest.raises(XnectError):
        check_arch(tmp_path / "w.xml", arch, BACKBONE)


@pytest.mark.parametrize("shape", [(0, 0, 1, 1), (1, 1, 1, 1), (7, 5, 3, 3), (64, 0, 3, 3)])
def test_layers_of_no_possible_shape(tmp_path, net, shape):
    fused = fuse(net)
    state = {k: v.contiguous() for k, v in fused.state_dict().items()}
    state[next(k for k, v in state.items() if v.ndim == 4 and k.startswith("backbone"))] = torch.zeros(shape)
    save_file(state, tmp_path / "w.safetensors", metadata={"arch": json.dumps(fused.arch)})
    refusal(tmp_path / "w.safetensors")


MANIFESTS = ["[1]", "5", "{}", '{"files": 5}', '{"files": {"w.safetensors": 5}}', '{"files": {"other": [1]}}', "[" * 100_000,
             "\0", '{"files": null}']  # fmt: skip


@pytest.mark.parametrize("text", MANIFESTS, ids=lambda t: t[:40])
def test_a_manifest_that_is_none(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    (tmp_path / "w.safetensors").write_bytes(b"x")
    with pytest.raises(XnectError, match=r"manifest\.json: is no manifest"):
        verify(tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "no\nsuch"])
@pytest.mark.parametrize(
    "words",
    [["process", "synthetic", "--end", "0.1", "--weights"], ["run", "synthetic", "--set"], ["take", "show"], ["process"]],
)
def test_names_that_no_file_can_have(words, name, capsys):
    last = f"lifting.weights={json.dumps(name)}" if words[-1] == "--set" else name
    if words[-1] == "--set":
        words = [*words, last, "--weights"]
        last = name
    assert main([*words, last]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error and len(error) < 1300


def test_a_name_that_only_some_have_is_left(tmp_path):
    save_file({"module.a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "w.safetensors")
    assert set(read_weights(tmp_path / "w.safetensors")[0]) == {"module.a", "b"}


@needs_cases
@pytest.mark.parametrize("name", ["manifest_deep.json", "manifest_entry5.json"])
def test_manifests_found_to_bring_it_down(tmp_path, name):
    (tmp_path / "manifest.json").write_bytes((ATTACKS / name).read_bytes())
    with pytest.raises(XnectError, match="is no manifest"):
        manifest(tmp_path)
