"""What holds for all tests."""

from __future__ import annotations

from collections import Counter

import pytest

import xnect_lite  # noqa: F401 - first: see there what it keeps OpenVINO from

_COUNTS: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--attack-minutes N``: how long each fuzzer and kill harness of tests/attacks goes on."""
    parser.addoption(
        "--attack-minutes", type=float, default=0.0, metavar="N", help="minutes of each attack (default: a few seconds)"
    )


def pytest_terminal_summary(terminalreporter) -> None:
    """How many cases the attacks tried."""
    if _COUNTS:
        terminalreporter.write_line("attacks: " + " · ".join(f"{name} {count:,}" for name, count in _COUNTS.items()))


@pytest.fixture(scope="session")
def attack_minutes(request) -> float:
    """What was asked for; 0 = a few seconds."""
    return float(request.config.getoption("--attack-minutes"))


@pytest.fixture(scope="session")
def attack_counts() -> Counter[str]:
    """Cases tried by name, printed at the end."""
    return _COUNTS


@pytest.fixture(autouse=True, scope="session")
def own_cache_folder(tmp_path_factory):
    """Converted networks are kept in a folder of this run: neither the user's entries are used, nor new ones made there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
