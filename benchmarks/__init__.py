"""Benchmarks: each is a command, ``python -m benchmarks.NAME``, that prints what it finds and keeps it as JSON."""
