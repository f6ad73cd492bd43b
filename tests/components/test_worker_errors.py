"""Tests of what becomes of an error that a worker of Beam raised."""

from __future__ import annotations

import pytest

from components.worker_errors import as_raised_in_worker
from schemas.errors import DataError, PipelineError, WarmstartError

SENTENCE = "photos/1.jpg changed while it was read; run again."
WHERE = "[while running 'InputToRecord/ReadPhotos-ptransform-12']"


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (DataError(f"{SENTENCE} {WHERE}"), DataError),
        (RuntimeError(f"schemas.errors.DataError: {SENTENCE} {WHERE}"), DataError),
        (RuntimeError(f"Traceback\nschemas.errors.PipelineError: {SENTENCE}\n"), PipelineError),
    ],
    ids=["here", "elsewhere", "at the end of a traceback"],
)
def test_error_of_a_worker_is_the_sentence_again(
    raised: Exception, kind: type[WarmstartError]
) -> None:
    with pytest.raises(kind) as error, as_raised_in_worker():
        raise raised

    assert (type(error.value), str(error.value)) == (kind, SENTENCE)


@pytest.mark.parametrize("text", ["Traceback: no photo", "schemas.errors.printable: no error"])
def test_error_of_others_is_left_as_it_is(text: str) -> None:
    raised = RuntimeError(text)

    with pytest.raises(RuntimeError) as error, as_raised_in_worker():
        raise raised
    assert error.value is raised
