"""`warmstart data fetch`: makes a data folder of a public data set."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import Debug, reported
from components.public_data.registry import DATASETS, PublicDataset, find

_NAMES = " or ".join(f"{name} ({one.size / 1e6:.0f} MB)" for name, one in DATASETS.items())


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"{_NAMES}.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="New or empty; gets the class folders.")
    ],
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive", metavar="FILE", help="Unpack this file, downloaded by other means."
        ),
    ] = None,
    keep_archive: Annotated[
        bool, typer.Option("--keep-archive", help="Leave the archive beside DIR.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Download a public data set, check its SHA-256 and unpack it; a second call resumes."""
    from components.public_data.data_folder import holds

    with reported(debug):
        dataset = find(name)
        # What is hidden beside it needs its name and its parent, which `.` does not tell.
        target = folder.resolve()
        if holds(target, dataset):
            typer.echo(f"{target} holds {dataset.name} already; nothing was downloaded.")
        else:
            _fetch(dataset, target, archive, keep_archive=keep_archive)
        _print_result(dataset, target)


def _fetch(
    dataset: PublicDataset, folder: Path, archive: Path | None, *, keep_archive: bool
) -> None:
    from components.public_data.data_folder import (
        check_free,
        check_space,
        install,
        partial_file,
        workspace,
    )
    from components.public_data.download import check_archive, discard, received

    began = time.perf_counter()
    kept = folder.with_name(dataset.archive_name)
    check_free(folder)
    if keep_archive and not archive:
        _check_kept(kept)
    with workspace(folder) as place:
        if archive:
            check_space(folder, dataset, 0)
            sys.stderr.write(f"Checking and unpacking {archive}\n")
            check_archive(dataset, archive)
            install(dataset, archive, folder, place)
        else:
            partial = partial_file(folder, dataset)
            check_space(folder, dataset, max(dataset.size - received(partial), 0))
            _download(dataset, partial)
            install(dataset, partial, folder, place)
            if keep_archive:
                partial.rename(kept)
            discard(partial)
    sys.stderr.write(f"Fetched in {time.perf_counter() - began:.1f} s\n")


def _check_kept(kept: Path) -> None:
    from schemas.errors import ConfigError

    if kept.exists():
        raise ConfigError(
            f"--keep-archive: {kept} exists already; give it with --archive, or move it away."
        )


def _download(dataset: PublicDataset, partial: Path) -> None:
    from cli.download_progress import download_progress
    from components.public_data.download import download, megabytes, received

    present = received(partial)
    begun = f" after the {megabytes(present)} that are here" if present else ""
    sys.stderr.write(f"Downloading {megabytes(dataset.size)}{begun} from {dataset.url}\n")
    with download_progress(dataset.size, present) as on_bytes:
        download(dataset, partial, on_bytes)


def _print_result(dataset: PublicDataset, folder: Path) -> None:
    from components.dataset.layout import find_photos

    counts = Counter(found.label for found in find_photos(str(folder)).files)
    typer.echo(f"{counts.total()} photos of {len(counts)} classes in {folder}")
    for label, count in sorted(counts.items()):
        typer.echo(f"  {label:<12} {count:>6}")
    typer.echo()
    licence_file = folder / Path(dataset.licence_file).name
    typer.echo(f"{'Licence':<12} {dataset.licence} See {licence_file}")
    # As it was called: .venv/bin need not be on PATH.
    command, place = shlex.quote(sys.argv[0]), shlex.quote(str(folder))
    typer.echo(f"{'Check it':<12} {command} data check {place}")
    typer.echo(f"{'Learn it':<12} {command} pipeline run --data {place}")
