"""Embedder: the frozen part of the backbone over every photo, once."""
