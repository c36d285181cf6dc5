"""Writing a take for other programs."""
