"""Training of the lifting network (Stage II), on Stage I's own answers."""
