"""Search for an architecture while its weights are trained: alpha and beta of the fabrics within a network."""
