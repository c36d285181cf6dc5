"""What a source is called on the command line: files by any name, patterns, file addresses, standard input."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from xnect_lite.capture.images import IMAGE_SUFFIXES, natural_order

_NUMBER = re.compile(r"%(?:0?(\d{1,2}))?d")
_STANDARD_INPUT = "/dev/stdin"


def as_named(text: str) -> str:
    """The source's name as all others take it: a path for ``-`` and ``file://``, no spaces around it unless a file has them."""
    if text == "-" and os.path.exists(_STANDARD_INPUT):
        return _STANDARD_INPUT
    if text.strip().lower().startswith("file:"):
        address = urlsplit(text.strip())
        return url2pathname(address.path) if address.netloc in ("", "localhost") else text
    return text if os.path.exists(os.path.expanduser(text)) else text.strip()


def is_pattern(text: str) -> bool:
    """Whether ``text`` stands for several files."""
    return glob.has_magic(text) or _NUMBER.search(os.path.basename(text)) is not None


def fitting_files(pattern: str) -> list[Path]:
    """The pictures that a pattern fits, in `natural_order`; a folder that exists is taken literally, brackets and all."""
    folder, name = os.path.split(os.path.expanduser(pattern))
    if os.path.isdir(folder):
        folder = glob.escape(folder)
    numbered = _NUMBER.search(name)
    if numbered and not glob.has_magic(name):
        digits = rf"\d{{{int(numbered[1])},}}" if numbered[1] else r"\d+"
        fits = re.compile(re.escape(name[: numbered.start()]) + digits + re.escape(name[numbered.end() :]))
        found = [p for p in glob.glob(os.path.join(folder, "*")) if fits.fullmatch(os.path.basename(p))]
    else:
        found = glob.glob(os.path.join(folder, name))
    return natural_order([Path(p) for p in found if Path(p).suffix.lower() in IMAGE_SUFFIXES])
