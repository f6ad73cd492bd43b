"""What lies in a data folder: photos, their labels, what is wrong with them, and their split.

Needs no TensorFlow, so that a folder that cannot be used is refused at once.
"""
