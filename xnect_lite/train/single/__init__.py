"""Training of single-person networks on crops."""
