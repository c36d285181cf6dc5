"""A take seen again: playing, lanes, mending, export."""
