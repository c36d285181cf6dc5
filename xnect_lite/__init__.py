"""Real-time 3D motion capture of several people from one ordinary camera."""

__version__ = "0.1.0"
