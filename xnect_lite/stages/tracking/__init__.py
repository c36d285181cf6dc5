"""Identities over time."""
