"""Classifies all photos of a folder into one table, on this machine or in a Beam pipeline."""
