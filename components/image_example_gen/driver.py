"""Decides, before ImageExampleGen runs, whether its photos are those of an earlier run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from components.dataset.options import MAX_PIXELS
from components.image_example_gen.fingerprint import fingerprint_of


class PhotoInputProcessor(input_processor.FileBasedInputProcessor):
    """Fingerprints the labels and contents of photos instead of their number, sizes and times."""

    def __init__(self, data: str, max_pixels: int) -> None:
        """Looks at nothing yet.

        Args:
            data: the data folder, manifest or archive.
            max_pixels: as in `SurveyOptions`.
        """
        super().__init__(data, [example_gen_pb2.Input.Split(name="all", pattern="*")], None)
        self._max_pixels = max_pixels

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """Returns a digest of every file's path, label, given split and content.

        Raises:
            DataError: if the data folder cannot be used.
        """
        del span, version  # A data folder has neither.
        return fingerprint_of(self._input_base_uri, self._max_pixels)


class Driver(driver.FileBasedDriver):
    """TFX's driver of file-based ExampleGens with the fingerprint of photos."""

    _max_pixels = MAX_PIXELS

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Adds the fingerprint to the properties that decide about the cache."""
        self._max_pixels = exec_properties["max_pixels"]
        resolved: dict[str, Any] = super().resolve_exec_properties(
            exec_properties, pipeline_info, component_info
        )
        return resolved

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> Any:
        """Returns the processor that TFX asks for span, version and fingerprint."""
        del splits, range_config  # Photos are found by class folder, not by pattern.
        return PhotoInputProcessor(input_base_uri or "", self._max_pixels)
