"""What the picture, the 3D view, the lanes and the list must agree on: colours, names, who is chosen, who is hidden. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field

from xnect_lite.gui.person_colors import RGB, PersonColors

_LABEL_LETTERS = 24


@dataclass(slots=True)
class Looks:
    """How people are shown.

    names:   identity -> what the user calls them.
    chosen:  the identity that is outlined; 0 = nobody.
    hidden:  identities left out of the views; what is recorded or exported does not know of it.
    mirrored: the picture alone is shown as in a mirror.
    """

    colors: PersonColors = field(default_factory=PersonColors)
    names: dict[int, str] = field(default_factory=dict)
    chosen: int = 0
    hidden: set[int] = field(default_factory=set)
    mirrored: bool = False

    def color_of(self, identity: int) -> RGB:
        """(r, g, b) 0..255."""
        return self.colors.of(identity)

    def label_of(self, identity: int) -> str:
        """For the box above the head: the name as far as it fits there, else the number."""
        name = self.names.get(identity) or (str(identity) if identity > 0 else "?")
        return name if len(name) <= _LABEL_LETTERS else f"{name[: _LABEL_LETTERS - 1].rstrip()}…"

    def title_of(self, identity: int) -> str:
        """For lists and menus."""
        return self.names.get(identity) or f"Person {identity}"

    def forget(self) -> None:
        """Another source: nobody is known any more."""
        self.colors.forget()
        self.names, self.chosen, self.hidden = {}, 0, set()
