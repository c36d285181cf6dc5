"""What a back end prepares once per input size: kept for the few sizes in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class BySize(Generic[T]):
    """``by_size[shape]`` prepares on first use and then gives the same; the size unused for longest makes room."""

    def __init__(self, prepare: Callable[[tuple[int, ...]], T], most: int = 4) -> None:
        self._prepare, self._most = prepare, most
        self._held: OrderedDict[tuple[int, ...], T] = OrderedDict()

    def __getitem__(self, shape: tuple[int, ...]) -> T:
        if shape not in self._held:
            held = self._prepare(shape)
            while len(self._held) >= self._most:
                self._held.popitem(last=False)
            self._held[shape] = held
        self._held.move_to_end(shape)
        return self._held[shape]
