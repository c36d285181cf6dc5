"""All results of evaluations in one page: what was measured here with all that is needed to repeat it, what was not, and what
others published, kept apart."""

from __future__ import annotations

from collections.abc import Sequence

from xnect_lite.evaluate.published import PUBLISHED, Published
from xnect_lite.evaluate.results import Result, markdown, markdown_lines, number

PROTOCOLS = {
    "MuPoTS-3D protocol": "xnect-lite eval mupots --data MUPOTS -o mupots.json",
    "MPI-INF-3DHP protocol, root-relative": "xnect-lite eval 3dhp --data 3DHP -o 3dhp.json",
    "PCKh, official rule (at most)": "xnect-lite eval mpii --data MPII -o mpii.json",
    "AP of groups, evalMPII rules": "xnect-lite eval mpii --data MPII --groups -o mpii-groups.json",
    "Keypoint AP and AR": "xnect-lite eval coco --data COCO -o coco.json",
    "PCK@0.2 of the torso": "xnect-lite eval lsp --data LSP -o lsp.json",
    "Backbones side by side": "xnect-lite eval backbones --photos PHOTOS -o backbones.json",
    "Peers side by side": "xnect-lite eval peers --data PHOTOS -o peers.json",
    "MuPoTS-3D by sequence, 3DPCK": "",
    "Speed": "",
}
"""Name of each protocol -> the command that measures it; '' = others' figures only."""

_HEAD = """# Results

Made by `xnect-lite eval report`; do not edit by hand. What was measured with this program stands under "Measured", with the
command, the day, the machine and the weights. **Whatever stands under "Published by others" is theirs**: not measured here, on
other machines, often with other data to train on."""


def report(results: Sequence[Result]) -> str:
    """Markdown."""
    lines = [_HEAD, "", "## Measured"]
    for name, command in PROTOCOLS.items():
        own = [one for one in results if one.name == name]
        if not own and command:
            lines += ["", f"### {name}", "", f"Not measured yet: `{command}`"]
        for one in own:
            lines += ["", *_measured(one)]
    for one in results:
        if one.name not in PROTOCOLS:
            lines += ["", *_measured(one)]
    lines += ["", "## Published by others"]
    for name in PROTOCOLS:
        sources = [one for one in PUBLISHED if one.protocol == name]
        if sources:
            lines += ["", f"### {name}: not ours", "", _published(sources)]
    return "\n".join(lines) + "\n"


def _measured(one: Result) -> list[str]:
    lines = [f"### {one.name}", "", f"{'**Part only: ' + one.part + '.** ' if one.part else ''}{one.data}.", ""]
    lines += [f"* command: `{one.command}`", f"* day and machine: {one.date}, {one.hardware}"]
    lines += [f"* {key}: {_words(value)}" for key, value in one.made_by.items() if value not in ("", None, {})]
    for title, table in one.tables.items():
        lines += ["", f"{title}{' (part only)' if one.part else ''}", "", markdown(table)]
    shown = {column for table in one.tables.values() for row in table.values() for column in row}
    rest = {name: value for name, value in one.figures.items() if name not in shown and value is not None}
    if rest:
        lines += ["", ", ".join(f"{name} {number(value)}" for name, value in rest.items())]
    return lines


def _words(value: object) -> str:
    return ", ".join(f"{k} `{v}`" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _published(sources: Sequence[Published]) -> str:
    """A table of all sources together; which row is whose, by number."""
    columns = list(dict.fromkeys(column for one in sources for row in one.rows.values() for column in row))
    lines = [["system", *columns, "source"]]
    for mark, one in enumerate(sources, 1):
        for system, row in one.rows.items():
            cells = (row.get(column, "") for column in columns)
            lines.append([system, *(cell if isinstance(cell, str) else number(float(cell)) for cell in cells), f"[{mark}]"])
    return "\n".join([markdown_lines(lines), "", *(f"[{mark}] {one.source}  " for mark, one in enumerate(sources, 1))])
