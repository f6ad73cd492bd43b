"""Classifies a folder in a Beam pipeline, so that it can run on a cluster.

list photos ─ spread over workers ─ RunInference ─ rows of the table ─ write

Every worker reads the model and the photos from the places named here, and has this project
installed; the table is not in the order of the paths.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
from apache_beam.io.parquetio import WriteToParquet
from apache_beam.io.textio import WriteToText
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from components.batch_predict.photos import photos_below
from components.batch_predict.summary import Summary
from components.batch_predict.table import (
    PARQUET,
    Columns,
    Row,
    columns_of,
    header,
    line,
    parquet_schema,
)
from components.dataset.storage import is_remote
from components.serving.classification import MAX_PHOTOS, Model, Photo, Prediction, classified
from components.serving.source import ModelSource, PushedSource
from schemas.errors import PipelineError

_METRICS = "batch_predict"
_PHOTOS = "photos"
_UNREADABLE = "unreadable"


def predict_with_beam(
    source: ModelSource, folder: str, *, output: str, shards: int, options: Sequence[str]
) -> Summary | None:
    """Writes a table with a row for each photo below a folder, in no order.

    Args:
        source: of the model.
        folder: of photos, on this machine or remote.
        output: the file to write, on this machine or remote; its suffix says how.
        shards: number of files; one has the name that is given, of several each has its number
            in it; with 0 the runner decides.
        options: of Beam, such as `--runner=FlinkRunner`.

    Returns:
        Counts of photos, or None if the runner does not tell.

    Raises:
        ModelError: if the model cannot be used.
        PipelineError: if the pipeline fails.
    """
    source, folder, output = _seen_from_anywhere(source, folder, output)
    # A model that cannot be loaded should fail here, not on every worker.
    with source.opened() as model:
        columns = columns_of(model)
    try:
        pipeline = beam.Pipeline(options=PipelineOptions([*options]))
        _ = (
            pipeline
            | "Folder" >> beam.Create([folder])
            | "ListPhotos" >> beam.FlatMap(photos_below)
            | "Reshuffle" >> beam.Reshuffle()
            | "Classify" >> RunInference(SourceHandler(source))
            | "Rows" >> beam.ParDo(_Rows(columns))
            | "Write" >> _writing(columns, output, shards)
        )
        result = pipeline.run()
        result.wait_until_finish()
    except Exception as error:
        raise PipelineError(
            f"--engine {shlex.join(options)}: Beam failed ({_last_line(error)}); correct that, or "
            "take --engine local."
        ) from error
    return _summary(result)


class SourceHandler(ModelHandler[Photo, Prediction, "LoadedModel"]):
    """Lets Beam's RunInference classify photos."""

    def __init__(self, source: ModelSource) -> None:
        """Takes a model that each worker opens for itself.

        Args:
            source: of the model.
        """
        super().__init__(max_batch_size=MAX_PHOTOS)
        self._source = source

    def load_model(self) -> LoadedModel:
        """Opens the model, once for each process."""
        return LoadedModel(self._source)

    def run_inference(
        self,
        batch: Sequence[Photo],
        model: LoadedModel,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[Prediction]:
        """Classifies photos; one that cannot be read does not stop the others."""
        del inference_args  # There are none.
        return [*classified(batch, model.model)]


class LoadedModel:
    """A model that stays open as long as Beam holds it.

    Attributes:
        model: to ask.
    """

    def __init__(self, source: ModelSource) -> None:
        """Opens a model.

        Args:
            source: of the model.
        """
        self._context = source.opened()
        self.model: Model = self._context.__enter__()


class _Rows(beam.DoFn):
    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._photos = Metrics.counter(_METRICS, _PHOTOS)
        self._unreadable = Metrics.counter(_METRICS, _UNREADABLE)

    def process(self, prediction: Prediction) -> Iterator[Row]:
        self._photos.inc()
        if prediction.error is not None:
            self._unreadable.inc()
        yield self._columns.row(prediction)


@beam.ptransform_fn
def _writing(rows: beam.PCollection, columns: Columns, output: str, shards: int) -> Any:
    prefix, suffix = os.path.splitext(output)
    naming: dict[str, Any] = {"file_name_suffix": suffix, "num_shards": shards}
    if shards == 1:
        naming["shard_name_template"] = ""
    if suffix == PARQUET:
        schema = parquet_schema(columns)
        return rows | WriteToParquet(prefix, schema, codec="snappy", **naming)
    lines = rows | "Lines" >> beam.Map(line, suffix).with_output_types(str)
    return lines | WriteToText(prefix, header=header(columns, suffix), **naming)


def _seen_from_anywhere(
    source: ModelSource, folder: str, output: str
) -> tuple[ModelSource, str, str]:
    """Makes places independent of where a worker is started."""
    if isinstance(source, PushedSource):
        source = replace(source, folder=source.folder.absolute())
    folder, output = (
        place if is_remote(place) else os.path.abspath(place) for place in (folder, output)
    )
    return source, folder, output


def _summary(result: PipelineResult) -> Summary | None:
    found = result.metrics().query(MetricsFilter().with_namespace(_METRICS))["counters"]
    counts = {counter.key.metric.name: counter.result for counter in found}
    photos = counts.get(_PHOTOS)
    return Summary(photos, counts.get(_UNREADABLE) or 0) if photos else None


def _last_line(error: Exception) -> str:
    return str(error).strip().rsplit("\n", 1)[-1].rstrip(".") or type(error).__name__
