"""Takes and the files they become."""
