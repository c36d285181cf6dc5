"""The small network and its weight file."""

from network_fixtures import net, weights  # noqa: F401
