"""Keeping a gallery tidy: duplicates found and moved away, and two galleries compared."""
