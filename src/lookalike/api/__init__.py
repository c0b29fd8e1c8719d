"""The Python interface: a gallery that can be added to and searched."""
