"""What holds for all tests."""

from __future__ import annotations

import pytest

import xnect_lite  # noqa: F401 - first: see there what it keeps OpenVINO from


@pytest.fixture(autouse=True, scope="session")
def own_cache_folder(tmp_path_factory):
    """Converted networks are kept in a folder of this run: neither the user's entries are used, nor new ones made there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
