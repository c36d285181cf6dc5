"""Settings and descriptions from anywhere: plain values or one short line, and never longer than a moment."""

from __future__ import annotations

import time

import pytest
from cases import ATTACKS, attacks, needs_cases
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.camera.intrinsics import load_intrinsics
from xnect_lite.config import PipelineConfig, load_config
from xnect_lite.errors import XnectError, printable
from xnect_lite.files.untrusted import load_json, load_yaml, read_bytes

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = [
    ("an alias that grows to a billion", BOMB, "aliases"),
    ("an alias to itself", "&a [*a]", "aliases"),
    ("a merge of an alias", "base: &b {x: 1}\nother: {<<: *b}", "aliases"),
    ("lists in lists in lists", "[" * 1000, "nested too deep"),
    ("sections in sections", "".join(f"{' ' * k}a:\n" for k in range(40)), "nested too deep"),
    ("a number of 5,000 digits", "tracking: {gate: " + "7" * 5000 + "}", "a number of 5,000 digits"),
    ("a fraction of 5,000 digits", "tracking: {gate: 0." + "7" * 5000 + "}", "digits"),
    ("an object of Python", "!!python/object/apply:os.system [id]", "could not determine a constructor"),
    ("a tag of YAML's own", "grouping: {max_people: !!binary aGk=}", "could not determine a constructor"),
    ("a tag on nothing", "weights: !!int ''", "'' is no number"),
    ("a section twice", "camera: {fov_deg: 60}\ncamera: {pitch_deg: 3}", "holds 'camera' twice"),
    ("a NUL", "grouping:\0 1", "special characters"),
    ("a list as a key", "{[1, 2]: 3}", "unhashable"),
    ("no YAML at all", "a: b: c: [", "in line 1"),
    ("a novel", "x: " + "y" * 300_000, "at most"),
]


@pytest.mark.parametrize(("case", "text", "words"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_is_not_read_as_yaml(case, text, words, tmp_path):
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=words) as caught:
        load_yaml(text)
    assert "\n" not in str(caught.value)
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    for read in (lambda path: load_config(PipelineConfig, path), load_intrinsics):
        with pytest.raises(XnectError) as said:
            read(tmp_path / "a.yaml")
        assert "\n" not in str(said.value) and len(str(said.value)) < 700
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 1, b: [2.5, x], c: null, d: true}", {"a": 1, "b": [2.5, "x"], "c": None, "d": True}),
        ("a: 2001-12-14", {"a": "2001-12-14"}),  # a word: nobody needs dates
        ("a: 2001-99-99", {"a": "2001-99-99"}),
        ("0x1F", 31),
        ("", None),
        ("\ufeffa: 1"[1:], {"a": 1}),
    ],
)
def test_plain_values_are_read(text, value):
    assert load_yaml(text) == value


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("grouping.max_people=2001-99-99", "needs a whole number, 1 to 100, got '2001-99-99'"),
        ("grouping.max_people=" + "9" * 5000, "a number of 5,000 digits"),
        ("network.weights=!!int ''", "not YAML"),
        ("fitting={a: [" + "1," * 500 + "]}", "'fitting.a': is unknown"),
        ('grouping.max_people="\\e[31mred"', r"got '\x1b[31mred'"),
        ('"\\e[31m"=1', "is unknown"),
        (".".join("a" * 3000) + "=1", "is unknown"),
    ],
)
def test_odd_overrides_are_one_short_line_without_control_characters(override, words):
    with pytest.raises(XnectError) as said:
        load_config(PipelineConfig, None, [override])
    line = str(said.value)
    assert words in line and line.isprintable() and len(line) < 700


def test_messages_hold_no_control_characters_and_an_end():
    error = XnectError("\x1b[2J\u202efile", "holds\n" + "x" * 5000 + "\x07", "Mend \udcff it")
    assert str(error).isprintable() and len(str(error)) < 700 and "holds x" in str(error)
    assert printable("Tänzer · 踊り手") == "Tänzer · 踊り手"


def test_json_without_end_is_said_to_be_deep():
    for text in ("[" * 100_000, '{"a":' * 100_000):
        with pytest.raises(ValueError, match="nested too deep"):
            load_json(text)


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")
    assert read_bytes(tmp_path / "a", 4) == b"1234"
    with pytest.raises(ValueError, match="more than 3 bytes"):
        read_bytes(tmp_path / "a", 3)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(st.sampled_from("{}[]:,-&*!?|>'\"%@` \n\tax01._~<=#\\"), max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        load_yaml(text)
    except ValueError as error:
        assert "\n" not in str(error)


@needs_cases
@pytest.mark.parametrize("name", attacks("config*") + attacks("set_*"))
def test_settings_found_to_bring_it_down(name):
    begin = time.perf_counter()
    for read in (lambda path: load_config(PipelineConfig, path), load_intrinsics):
        with pytest.raises(XnectError) as said:
            read(ATTACKS / name)
        assert str(said.value).isprintable() and len(str(said.value)) < 700
    assert time.perf_counter() - begin < 1
