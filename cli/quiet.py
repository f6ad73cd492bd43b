"""Keeps what libraries write on the terminal out of the way, unless it explains a failure."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from pipelines.captured_output import redirected
from schemas.errors import WarmstartError


@contextmanager
def quiet_tensorflow() -> Iterator[TextIO]:
    """Hides what TensorFlow's C++ code says, unless something unforeseen fails.

    Yields:
        The terminal: a stream on the stderr of before.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with tempfile.TemporaryFile() as log:
        try:
            with redirected(log) as (_, stderr):
                yield stderr
        except WarmstartError:
            raise
        except Exception:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
