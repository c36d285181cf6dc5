"""Runners and timing."""
