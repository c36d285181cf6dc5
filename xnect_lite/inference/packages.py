"""Optional packages, imported when their back end is asked for."""

from __future__ import annotations

import importlib
from types import ModuleType

from xnect_lite.errors import XnectError, install


def require(package: str, asked: str, extra: str) -> ModuleType:
    """Import ``package``. Raises XnectError naming what asked for it and the extra that brings it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        cause = f"needs the package {package}, which is not installed ({error})"
        raise XnectError(asked, cause, f"{install(extra)}, or use --backend torch") from error
