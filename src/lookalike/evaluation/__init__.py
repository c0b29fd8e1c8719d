"""How good a ranking is, and which encoder makes the best of one's own images."""
