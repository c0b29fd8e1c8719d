"""How good the ranking is, and how good and fast the search."""
