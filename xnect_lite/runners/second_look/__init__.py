"""A second look at a whole clip, once everything that happens in it is known."""
