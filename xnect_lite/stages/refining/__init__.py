"""A second look at the maps around each person."""
