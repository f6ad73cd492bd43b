"""Decides, before ImageExampleGen runs, whether its photos are those of an earlier run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from components.image_example_gen.photos import fingerprint, read_photos


class PhotoInputProcessor(input_processor.FileBasedInputProcessor):
    """Fingerprints the paths and contents of photos instead of their number, sizes and times."""

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """Returns a digest of every photo's path and content.

        Raises:
            DataError: if the data folder cannot be used.
        """
        del span, version  # A data folder has neither.
        return fingerprint(read_photos(self._input_base_uri))


class Driver(driver.FileBasedDriver):
    """TFX's driver of file-based ExampleGens with the fingerprint of photos."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> Any:
        """Returns the processor that TFX asks for span, version and fingerprint."""
        return PhotoInputProcessor(input_base_uri, splits, range_config)
