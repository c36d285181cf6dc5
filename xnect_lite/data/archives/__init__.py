"""Samples packed into files that open at once."""
