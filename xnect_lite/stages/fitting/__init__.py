"""Stage III: one skeleton of constant bone lengths per person, fitted to everybody of a frame at once."""
