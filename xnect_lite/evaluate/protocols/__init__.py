"""How published benchmarks score, each rule as published: arrays in, figures out. No files, no networks."""
