"""Everybody's colour: kept for as long as they are known, and never two alike among those in view. No Qt."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xnect_lite.record.painting import person_color

RGB = tuple[int, int, int]
_HUES = 7  # of `painting.person_color`, which repeat after that
_TINTS = ((255, 255, 255, 0.45), (0, 0, 0, 0.40))  # lighter, darker: three times as many that can be told apart


def slot_color(slot: int) -> RGB:
    """The colour of a place in the list; the first seven are those of `painting.person_color`."""
    r, g, b = person_color(slot % _HUES + 1)
    shade = slot // _HUES % (len(_TINTS) + 1)
    if shade == 0:
        return r, g, b
    tr, tg, tb, share = _TINTS[shade - 1]
    return tuple(round(c + share * (t - c)) for c, t in ((r, tr), (g, tg), (b, tb)))  # type: ignore[return-value]


SLOTS = _HUES * (len(_TINTS) + 1)


class PersonColors:
    """Identity -> colour.

    Whoever comes into view gets the colour of their number, or the first that nobody in view has.
    """

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}

    def of(self, identity: int) -> RGB:
        """(r, g, b) 0..255; grey for 0, no identity yet."""
        if identity <= 0:
            return person_color(0)
        return slot_color(self._slots.get(identity, (identity - 1) % SLOTS))

    def see(self, in_view: Collection[int]) -> None:
        """These are in view together from now on."""
        together = sorted(i for i in set(in_view) if i > 0)
        taken: set[int] = set()
        for identity in sorted(together, key=lambda i: i not in self._slots):  # who has a colour keeps it
            slot = self._slots.get(identity, (identity - 1) % SLOTS)
            if slot in taken:
                slot = next((s for s in range(SLOTS) if s not in taken), slot)
            self._slots[identity] = slot
            taken.add(slot)

    def see_all(self, meets: Mapping[int, Collection[int]]) -> None:
        """A whole take: nobody has the colour of any of those they ever meet. ``meets``: identity -> who else is in view."""
        for identity in sorted(i for i in meets if i > 0):
            taken = {self._slots[other] for other in meets[identity] if other in self._slots and other != identity}
            slot = self._slots.get(identity, (identity - 1) % SLOTS)
            if slot in taken:
                slot = next((s for s in range(SLOTS) if s not in taken), slot)
            self._slots[identity] = slot

    def forget(self) -> None:
        """Another source."""
        self._slots.clear()
