"""Measures models, beside each other, and says whether one is good enough."""
