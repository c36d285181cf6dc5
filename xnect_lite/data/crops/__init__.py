"""Crops around one person each, for networks that see a single person."""
