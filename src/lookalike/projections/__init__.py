"""Embeddings to embeddings of fewer dimensions."""
