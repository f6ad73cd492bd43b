"""Classifies a folder on this machine: photos stream through the model into the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from components.batch_predict.photos import photos_below
from components.batch_predict.summary import Summary
from components.batch_predict.table import columns_of, written_table
from components.serving.classification import Model, classified


def predict_here(
    model: Model,
    folder: str,
    *,
    output: Path,
    on_photo: Callable[[], None] = lambda: None,
) -> Summary:
    """Writes a table with a row for each photo below a folder, in the order of their paths.

    However many there are, a few batches and a part of the table are in memory.

    Args:
        model: to ask.
        folder: of photos.
        output: the file to write; its suffix says how.
        on_photo: called after each photo.

    Raises:
        DataError: if the folder cannot be listed, or the file cannot be written.
        ModelError: if the model's server fails.
        PipelineError: if there is not memory enough for a single photo.
    """
    photos = unreadable = 0
    columns = columns_of(model)
    with written_table(output, columns) as write:
        for prediction in classified(photos_below(folder), model):
            write(columns.row(prediction))
            photos += 1
            unreadable += prediction.error is not None
            on_photo()
    return Summary(photos, unreadable)
