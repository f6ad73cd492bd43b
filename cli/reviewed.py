"""Opens the store of an output folder for the commands that review it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ml_metadata import MetadataStore

    from pipelines.folders import OutputFolders
    from review.history import History


@contextmanager
def reviewed(
    output: Path | None, *, to_write: bool = False
) -> Iterator[tuple[OutputFolders, MetadataStore, History]]:
    """Opens the store of an output folder: the folders, the store, and what reads it."""
    from pipelines.folders import DEFAULT_OUTPUT, OutputFolders
    from review.history import History
    from review.store import opened
    from schemas.errors import printable
    from schemas.moved_store import moved_from
    from schemas.store_version import later_than_known

    # ML Metadata records absolute paths.
    folders = OutputFolders((output or DEFAULT_OUTPUT).resolve())
    with opened(folders, to_write=to_write) as store:
        if later := later_than_known(folders.metadata):
            typer.echo(f"Note: {later}: what is new in it is not shown.", err=True)
        if before := moved_from(folders):
            typer.echo(
                f"Note: {printable(str(folders.root))} was moved or copied from "
                f"{printable(str(before))}, where ML Metadata has what these runs made: move it "
                "back, or run the pipeline again.",
                err=True,
            )
        yield folders, store, History(store, folders.root)
