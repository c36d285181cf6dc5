"""Reads NumPy's .npz files, which may come from anywhere: nothing in them is ever unpickled."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np


def read_npz(path: str | Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of these names, or all of them.

    Raises ValueError that says in a few words what is wrong. NumPy's own words would advise to unpickle what is no .npz.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError
        with file:
            return {name: file[name] for name in (file.files if names is None else names)}
    except KeyError as error:
        raise ValueError(f"lacks {', '.join(n for n in names or () if n not in file.files)}") from error
    except OSError as error:
        raise ValueError(error.strerror or "cannot be read") from error
    except (ValueError, EOFError, TypeError, BadZipFile, zlib.error, NotImplementedError) as error:
        raise ValueError("it is no .npz file, or not a whole one") from error
