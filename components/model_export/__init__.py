"""Writes a pushed model in the formats of other runtimes, each checked against the SavedModel."""
