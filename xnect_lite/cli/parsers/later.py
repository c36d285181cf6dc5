"""What a verb does lies beside its parser's folder, and is imported when it is asked for: ``--help`` answers at once."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Later:
    """A function of a module of `xnect_lite.cli`, as ``module.function``; the module is imported by the call."""

    name: str

    def __call__(self, options: argparse.Namespace) -> int:
        return self.function()(options)

    def function(self):
        """The function itself."""
        module, _, function = self.name.rpartition(".")
        return getattr(importlib.import_module(f"xnect_lite.cli.{module}"), function)
