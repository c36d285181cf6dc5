"""Training pictures made of samples: views, pasted people, light."""
