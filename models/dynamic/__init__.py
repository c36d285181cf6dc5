"""Dynamic convolutions: networks that compute where it matters."""
