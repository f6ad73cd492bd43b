"""Names of the features of an image example, raw and transformed."""

from __future__ import annotations

# What ImageExampleGen writes for each photo.
IMAGE = "image"  # The encoded file, byte for byte.
LABEL = "label"  # The class: the name of the photo's folder, UTF-8.
PATH = "path"  # Relative to the data folder, UTF-8.
SPLIT_KEY = "split_key"  # Hash of seed and content; decides the split.
WIDTH = "width"  # Pixels.
HEIGHT = "height"  # Pixels.
ASPECT = "aspect"  # Width divided by height.
BRIGHTNESS = "brightness"  # Mean of all channel values, 0 (black) to 1 (white).
FILE_SIZE = "file_size"  # Bytes.

# What Transform writes. The label passes through as text: the Trainer numbers the classes.
IMAGE_XF = "image_xf"  # Resized RGB photo, PNG-encoded (lossless).
LABEL_XF = "label_xf"
SOURCE_XF = "source_xf"  # Hash of the encoded file: tells which raw example this was.
CLASSES_VOCABULARY = "classes"  # Name of the vocabulary asset that holds every label seen.

TRAIN = "train"
EVAL = "eval"
