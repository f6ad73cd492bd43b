"""Names of the features of an image example, raw and transformed."""

from __future__ import annotations

# What ImageExampleGen writes for each photo.
IMAGE = "image"  # The encoded file; as PNG where TensorFlow would not decode it.
LABEL = "label"  # The class, UTF-8.
PATH = "path"  # Relative to the data folder, UTF-8.
SPLIT_KEY = "split_key"  # Its hash decides the split; a hash itself, of seed and content.
WIDTH = "width"  # Pixels.
HEIGHT = "height"  # Pixels.
ASPECT = "aspect"  # Width divided by height.
CHANNELS = "channels"  # 1 grey, 2 grey with alpha, 3 colour, 4 with alpha or CMYK.
BRIGHTNESS = "brightness"  # Mean of the luma, 0 (black) to 1 (white).
CONTRAST = "contrast"  # Standard deviation of the luma, 0 to 0.5.
SHARPNESS = "sharpness"  # Variance of the luma's Laplacian, at 256 pixels on the longer side.
FILE_SIZE = "file_size"  # Bytes.

# What Transform writes. The label passes through as text: the Trainer numbers the classes.
IMAGE_XF = "image_xf"  # Resized RGB photo, PNG-encoded (lossless).
LABEL_XF = "label_xf"
SOURCE_XF = "source_xf"  # Hash of the encoded file: tells which raw example this was.
CLASSES_VOCABULARY = "classes"  # Name of the vocabulary asset that holds every label seen.

TRAIN = "train"
EVAL = "eval"
TEST = "test"  # Only where the data folder has such a split.
