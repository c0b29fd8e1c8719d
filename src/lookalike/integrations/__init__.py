"""Galleries and encoders as other libraries want them."""
