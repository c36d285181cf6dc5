"""Training of Stage I: backbone, 2D and 3D maps."""
