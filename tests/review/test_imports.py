"""Tests that what is read for a page needs nothing that is slow to import."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import review

_IMPORTS = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
heavy = ("tensorflow", "tfx", "apache_beam", "keras", "tensorflow_data_validation", "pandas")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_no_module_imports_tensorflow() -> None:
    modules = [found.name for found in pkgutil.walk_packages(review.__path__, "review.")]
    assert "review.tfrecords" in modules

    command = [sys.executable, "-c", _IMPORTS, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_messages_are_apart_from_those_of_tensorflow() -> None:
    program = (
        "import review.protos as ours, tensorflow as tf; "
        "example = tf.train.Example(); "
        "example.features.feature['a'].int64_list.value.extend([1, -2]); "
        "found = ours.Example.FromString(example.SerializeToString()); "
        "print(list(found.features.feature['a'].int64_list.value))"
    )

    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[1, -2]"
