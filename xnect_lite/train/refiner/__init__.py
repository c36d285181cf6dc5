"""Training of the refiner, on Stage I's own maps."""
