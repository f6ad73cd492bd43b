"""Compares the splits with each other, and the training photos with those of the previous run."""
