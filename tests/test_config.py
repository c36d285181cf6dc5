"""Configuration: defaults, YAML, overrides, and errors that name the nearest key."""

from __future__ import annotations

import dataclasses

import pytest

from xnect_lite.config import NetworkConfig, PipelineConfig, as_dict, load_config
from xnect_lite.errors import XnectError
from xnect_lite.train.stage1.config import Stage1Config


@dataclasses.dataclass(frozen=True)
class Inner:
    width_net_px: int = 512
    ratio: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str = "a"
    on: bool = True
    maybe: float | None = None
    size: tuple[int, int] = (1, 2)
    sizes: tuple[tuple[int, int], ...] = ()
    inner: Inner = Inner()


def test_defaults_need_nothing():
    assert load_config(Outer) == Outer()
    assert load_config(PipelineConfig) == PipelineConfig()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["name=b"], Outer(name="b")),
        (["name='2024'"], Outer(name="2024")),
        (["on=false"], Outer(on=False)),
        (["maybe=3"], Outer(maybe=3.0)),
        (["maybe=3", "maybe=null"], Outer(maybe=None)),
        (["size=[3, 4]"], Outer(size=(3, 4))),
        (["sizes=[[3, 4], [5, 6]]"], Outer(sizes=((3, 4), (5, 6)))),
        (["inner.ratio=2e-3"], Outer(inner=Inner(ratio=0.002))),  # YAML reads 2e-3 as text
        (["inner.ratio=1", "inner.width_net_px=64"], Outer(inner=Inner(64, 1.0))),
        ([" name = b"], Outer(name="b")),
        (["name=''"], Outer(name="")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_overrides(overrides, expected):
    config = load_config(Outer, overrides=overrides)
    assert config == expected
    assert isinstance(config.inner.ratio, float)


def test_overrides_win_over_the_file_and_the_file_over_defaults(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: from file\ninner:\n  ratio: 0.25\n  width_net_px: 32\n", encoding="utf-8")
    config = load_config(Outer, path, ["inner.ratio=0.75"])
    assert config == Outer(name="from file", inner=Inner(32, 0.75))


def test_an_empty_file_changes_nothing(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("# all defaults\n", encoding="utf-8")
    assert load_config(Outer, path) == Outer()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["nam=b"], r"'nam': is unknown. Did you mean 'name'\?"),
        (["inner.width=3"], r"'inner.width': is unknown. Did you mean 'inner.width_net_px'\?"),
        (["zzzz=3"], r"'zzzz': is unknown. Known keys: name, on, maybe, size, sizes, inner"),
        (["inner=3"], r"'inner': is a section, not a value. Write inner.KEY=VALUE"),
        (["name.x=3"], r"'name': needs text, got \{'x': 3\}\. Write --set name=TEXT"),
        (["on=1"], r"'on': needs true or false, got 1. Write --set on=true"),
        (["inner.width_net_px=3.5"], r"'inner.width_net_px': needs a whole number, got 3.5. Write --set inner.width_net_px=N"),
        (["inner.width_net_px=true"], r"'inner.width_net_px': needs a whole number, got True"),
        (["inner.ratio=true"], r"'inner.ratio': needs a number, got True"),
        (["inner.ratio=fast"], r"'inner.ratio': needs a number, got 'fast'"),
        (["size=[1, 2, 3]"], r"'size': needs a list of 2, got \[1, 2, 3\]. Write --set size=\[N, N\]"),
        (["size=[1, x]"], r"'size': needs a whole number, got 'x'. Write --set size=\[N, N\]"),
        (["sizes=[[1]]"], r"'sizes': needs a list of 2, got \[1\]. Write --set sizes=\[\[N, N\], \.\.\.\]"),
        (["sizes=5"], r"'sizes': needs a list, got 5"),
        (["name"], r"--set name: has no '='"),
        (["name="], r"'name': needs text, got None"),
        (["name=[1"], r"--set name=\[1: has a value that is not YAML"),
        (["inner=3", "inner.ratio=1"], r"'inner' is a value, not a section"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_name_the_key(overrides, message):
    with pytest.raises(XnectError, match=message):
        load_config(Outer, overrides=overrides)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: [1", "is not YAML"),
        (b"- 1\n- 2\n", "holds no keys"),
        (b"\xff\xfe\x00name", "is not YAML"),
        (b"inner:\n  ratoi: 1\n", r"Did you mean 'inner.ratio'\?"),
        (b"1: 2\n", "'1': is unknown"),
        (b"inner:\n", "'inner': is a section"),
        (b"name: a\nname: b\n", "is not YAML .*'name' twice"),
        (b"inner:\n  ratio: 1\n  'ratio': 2\n", "is not YAML .*'ratio' twice"),
    ],
    ids=[
        "broken YAML",
        "a list",
        "not text",
        "unknown key in a section",
        "a number as key",
        "an empty section",
        "a key twice",
        "a quoted key twice",
    ],
)
def test_bad_files_are_named(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(XnectError, match=message):
        load_config(Outer, path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(XnectError, match=r"none\.yaml: cannot be read \(No such file"):
        load_config(Outer, tmp_path / "none.yaml")


@pytest.mark.parametrize("cls", [PipelineConfig, Stage1Config])
def test_what_as_dict_gives_can_be_read_back(cls):
    def overrides(tree: dict, prefix: str = "") -> list[str]:
        rows = []
        for key, value in tree.items():
            if isinstance(value, dict):
                rows += overrides(value, f"{prefix}{key}.")
            else:
                text = str([list(v) if isinstance(v, tuple) else v for v in value]) if isinstance(value, tuple) else repr(value)
                rows.append(f"{prefix}{key}={text}")
        return rows

    assert load_config(cls, overrides=overrides(as_dict(cls()))) == cls()


def test_error_text_holds_thing_cause_and_next_step():
    error = XnectError("the thing", "is broken", "Mend it")
    assert (error.thing, error.cause, error.next_step) == ("the thing", "is broken", "Mend it")
    assert str(error) == "the thing: is broken. Mend it"


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        NetworkConfig().device = "cpu"  # type: ignore[misc]
