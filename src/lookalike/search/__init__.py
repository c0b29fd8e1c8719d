"""Queries to ranked hits."""
