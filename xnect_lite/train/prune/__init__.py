"""Channels made to vanish, cut out, and what is left tuned."""
