"""TFRecord files as a test wants them, damaged ones, too."""

from __future__ import annotations

import struct

import google_crc32c

from review.protos import Example


def record(content: bytes) -> bytes:
    """Returns a record as TensorFlow writes it."""
    return framed(len(content), content)


def framed(length: int, content: bytes) -> bytes:
    """Returns a record that says to be of some length; its checksums are right."""
    head = struct.pack("<Q", length)
    return head + _masked(head) + content + _masked(content)


def example(**values: bytes) -> bytes:
    """Returns a serialized tf.Example with features of bytes."""
    made = Example()
    for name, value in values.items():
        made.features.feature[name].bytes_list.value.append(value)
    return bytes(made.SerializeToString())


def _masked(content: bytes) -> bytes:
    checksum = google_crc32c.value(content)
    rotated = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)
