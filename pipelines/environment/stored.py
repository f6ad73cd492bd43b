"""The store of earlier runs, and whether this warmstart goes on with it."""

from __future__ import annotations

from pathlib import Path

from pipelines.environment.checks import FAIL, PASS, Check
from schemas import run_record
from schemas.errors import PipelineError, printable
from schemas.store_version import SCHEMA_VERSION, check_may_be_written, store_version

_NAME = "Store"


def check_store(file: Path) -> Check:
    """Tells the versions of ML Metadata's store, if there is one.

    Args:
        file: of SQLite.
    """
    shown = printable(str(file))
    known = f"schema version {SCHEMA_VERSION}, record version {run_record.RECORD_VERSION}"
    if not file.exists():
        return Check(_NAME, PASS, f"None yet at {shown}; a run makes one of {known}.")
    found = store_version(file)
    if found is None:
        return Check(
            _NAME,
            FAIL,
            f"{shown} is damaged or no store of ML Metadata; `warmstart doctor --repair` puts back "
            "the copy from before the latest run.",
        )
    try:
        check_may_be_written(file)
    except PipelineError as error:
        return Check(_NAME, FAIL, str(error))
    by = f"warmstart {found.warmstart}" if found.warmstart else "no warmstart yet"
    return Check(
        _NAME,
        PASS,
        f"{shown}: schema version {found.schema}, record version {found.record}, by {by}; this "
        f"one writes {known}.",
    )
