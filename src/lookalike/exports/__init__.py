"""Hits as pictures, pages and lines."""
