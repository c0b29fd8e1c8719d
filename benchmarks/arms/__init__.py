"""Ways to embed a folder of photos, each run by a process of its own so that none inherits another's threads."""
