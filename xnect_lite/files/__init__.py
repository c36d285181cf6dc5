"""Reading and writing files: what comes from elsewhere is not believed, what is written is there whole or not at all."""
