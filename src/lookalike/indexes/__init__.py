"""Embeddings to their nearest positions."""
