"""Galleries as a service: REST, and a socket that makes the command line quick."""
