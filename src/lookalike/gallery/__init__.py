"""Rows, embeddings, and the files they live in."""
