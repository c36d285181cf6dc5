"""The camera: how it projects, how it stands, and what fixes metres."""
