"""Ranges and words beside the values they bound, and the one check of a value against them.

``Annotated[int, Range(1, 100)]`` is a number within a range, ``Literal["bf16", "fp32"]`` one of these words. Own lines, for
pydantic takes longer to import than all that the configuration imports now, and its errors would need as many lines to be
put into words that say what to write; msgspec lets unknown keys of dataclasses pass and tells its errors as text alone.
"""

from __future__ import annotations

import difflib
import math
import reprlib
import types
import typing
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal

from xnect_lite.errors import XnectError


@dataclass(frozen=True)
class Range:
    """Numbers that a value may be: never NaN, never infinite.

    ends:      "[" and "]" count the end itself, "(" and ")" do not.
    multiple:  only whole multiples of this.
    or_:       one value outside, which means something else: "not given", "all".
    """

    low: float
    high: float
    ends: Literal["[]", "(]", "[)", "()"] = "[]"
    multiple: int = 1
    or_: float | None = None

    def __contains__(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        above = value > self.low or (self.ends[0] == "[" and value == self.low)
        below = value < self.high or (self.ends[1] == "]" and value == self.high)
        return value == self.or_ or (above and below and (self.multiple == 1 or value % self.multiple == 0))

    def __str__(self) -> str:
        low = f"{'more than ' if self.ends[0] == '(' else ''}{_written(self.low)}"
        text = f"{low} to {'below ' if self.ends[1] == ')' else ''}{_written(self.high)}"
        text += f" in multiples of {self.multiple}" if self.multiple > 1 else ""
        return text if self.or_ is None else f"{_written(self.or_)}, or {text}"


Share = Annotated[float, Range(0, 1)]
"""A part of something, or how often something happens."""
PartShare = Annotated[float, Range(0, 1, "[)")]
"""A part that leaves something over."""
Rate = Annotated[float, Range(0, 10, "(]")]
"""A learning rate."""
Weight = Annotated[float, Range(0, 1000)]
"""Of one term against others."""
Count = Annotated[int, Range(1, 10**9)]
CountOrAll = Annotated[int, Range(0, 10**9)]
"""0 stands for all, or for none: the comment beside the key says which."""
Deviation = Annotated[float, Range(0, 10)]
"""A standard deviation, or a strength."""
Seed = Annotated[int, Range(0, 2**32 - 1)]
Threads = Annotated[int, Range(0, 1024)]
Minutes = Annotated[float, Range(0, 10**6)]
NetSide = Annotated[int, Range(16, 4096, multiple=16)]
"""Pixels of a side of the network's input."""

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_STANDS_FOR = {int: "N", float: "N", bool: "true", str: "TEXT"}


class _Unfit(Exception):
    """What is needed, the value there is instead, and how to go on after ``--set KEY=``, if not by the usual."""

    def __init__(self, needs: str, value: Any, write: str = "") -> None:
        super().__init__(needs)
        self.needs, self.value, self.write = needs, value, write


def fitting(value: Any, hint: Any, key: str) -> Any:
    """``value`` as ``hint``, the type of a configuration key, wants it: 3.0 for 3, tuples for lists. Raises XnectError."""
    try:
        return _convert(value, hint)
    except _Unfit as unfit:
        cause = f"needs {unfit.needs}, got {reprlib.repr(unfit.value)}"
        write = f"Write --set {key}={unfit.write or _form(hint)}"
        raise XnectError(f"configuration key '{key}'", cause, write) from None


def _convert(value: Any, hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _convert(value, next(a for a in arguments if a is not type(None)))
    if origin is Literal:
        return _word(value, arguments)
    if origin is tuple:
        return _convert_all(value, arguments)
    if origin is Annotated:
        kind, bounds = arguments
        number = _as_kind(value, kind)
        if number is None:
            raise _Unfit(f"{_KINDS[kind]}, {bounds}", value)
        if number not in bounds:
            raise _Unfit(str(bounds), value)
        return number
    plain = _as_kind(value, hint)
    if plain is None:
        raise _Unfit(_KINDS[hint], value)
    return plain


def _as_kind(value: Any, kind: type) -> Any:
    """``value`` as int, float, bool or str; None if it is none."""
    if kind is float and isinstance(value, str):  # YAML reads 2e-3 as text
        try:
            return float(value)
        except ValueError:
            return None
    if kind in (int, float):
        fits = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
        try:
            return kind(value) if fits else None
        except OverflowError:  # an int beyond all floats
            return math.inf
    return value if isinstance(value, kind) else None


def _word(value: Any, words: tuple[Any, ...]) -> Any:
    for word in words:
        if type(word) is type(value) and word == value:
            return word
    *first, last = (str(word) for word in words)
    near = difflib.get_close_matches(str(value)[:80], [*first, last], n=1)
    raise _Unfit(f"{', '.join(first)} or {last}" if first else last, value, near[0] if near else "WORD with one of these")


def _convert_all(value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    any_number = kinds[-1] is Ellipsis
    if not isinstance(value, (list, tuple)):
        raise _Unfit("a list", value)
    if not any_number and len(value) != len(kinds):
        raise _Unfit(f"a list of {len(kinds)}", value)
    try:
        return tuple(_convert(v, k) for v, k in zip(value, [kinds[0]] * len(value) if any_number else kinds, strict=True))
    except _Unfit as unfit:  # the whole list is to be written
        raise _Unfit(unfit.needs, unfit.value) from None


def _form(hint: Any, inner: bool = False) -> str:
    """How a value of this type is written, and what its letters stand for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _form(next(a for a in arguments if a is not type(None)), inner)
    if origin is Annotated:
        return "N" if inner else "N with N in that range"
    if origin is Literal:
        return "WORD"
    if origin is tuple:
        return f"[{', '.join('...' if a is Ellipsis else _form(a, True) for a in arguments)}]"
    return _STANDS_FOR[hint]


def _written(number: float) -> str:
    """300000 and 0.3, not 3e+05 and 0.30."""
    return f"{number:g}" if number != int(number) or abs(number) >= 1e15 else str(int(number))
