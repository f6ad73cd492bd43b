"""Reads ML Metadata: which runs there were, why components ran, what came from what.

Without TFX and TensorFlow, so that it answers in about a second, and on stores that others wrote.
"""
