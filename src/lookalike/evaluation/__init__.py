"""How good a ranking is, which encoder makes the best of one's own images, and how good and fast an index is."""
