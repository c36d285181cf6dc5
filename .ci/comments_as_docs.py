"""For the API pages: what a comment beside a configuration's key says, or the one above it, is its documentation."""

from __future__ import annotations

from typing import Any

import griffe


class CommentsAsDocs(griffe.Extension):
    """Comments of attributes that have no docstring."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """See griffe."""
        if attr.docstring or not attr.lineno or not attr.endlineno or "config" not in attr.canonical_path:
            return
        lines = attr.lines_collection[attr.filepath]
        above = lines[attr.lineno - 2].strip()
        text = lines[attr.endlineno - 1].partition("  # ")[2] or (above[2:] if above.startswith("# ") else "")
        if text and not text.startswith("type:"):
            attr.docstring = griffe.Docstring(text[:1].upper() + text[1:], parent=attr)
