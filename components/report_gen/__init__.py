"""Writes down what a run found out, for people to look at."""
