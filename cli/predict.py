"""`warmstart predict`: classifies photos with a pushed model, here or behind TensorFlow Serving."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonList, ConfigFile
from cli.photo_progress import photo_progress
from cli.quiet import quiet_tensorflow
from schemas.errors import ConfigError, printable, shortened_list

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from components.batch_predict.summary import Summary
    from components.serving.classification import Prediction
    from components.serving.source import ModelSource
    from pipelines.engines.config import EngineConfig

_LOCAL = "local"
_BEAM = "beam"

# Engines that the configuration describes.
_DESCRIBED = ("local-processes", "dask", "flink", "spark", "dataflow")


def predict(
    model_dir: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL_DIR",
            help="A pushed model: one version, or all, of which the newest. Beside --url it tells "
            "the names of the classes, and may be left out.",
        ),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE…", help="JPEG, PNG, GIF, BMP, WebP or TIFF files."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="Ask TensorFlow Serving: http://host:8501/v1/models/NAME, or /versions/N behind.",
        ),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option("--input", metavar="DIR", help="All photos in a folder and below it."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", metavar="FILE", help="Their table: a .parquet, .csv or .jsonl file."
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="ENGINE",
            help="What works through --input: local; beam, in this process; local-processes, dask, "
            "flink, spark or dataflow, as the configuration's section engine says; or options of "
            'Beam, such as "--runner=FlinkRunner --flink_master=host:8081". Its workers need '
            "warmstart, and to see these folders under the same names.",
        ),
    ] = _LOCAL,
    config: ConfigFile = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change one key, such as engine.address=host:8786."
        ),
    ] = None,
    shards: Annotated[
        int,
        typer.Option(
            "--shards", min=0, help="With Beam: number of files to write; 0: as many as it likes."
        ),
    ] = 1,
    as_json: AsJsonList = False,
    debug: Debug = False,
) -> None:
    """Classify photos with a pushed model.

    Exit 1 if any of them cannot be read, or with --input if none can.
    """
    from pipelines.engines.arguments import beam_arguments

    with reported(debug):
        given = [*([] if model_dir is None else [model_dir]), *(images or [])]
        model_dir, images = _told_apart(given, url, folder)
        if folder is None:
            _check_no_table(output, engine, shards)
            _predict_images(_source(model_dir, url), images, as_json=as_json)
        else:
            settings = _engine_settings(engine, config, overrides or [])
            beam_options = beam_arguments(settings) if settings else _beam_options(engine)
            if shards != 1 and beam_options is None:
                raise ConfigError("--shards is for Beam; name it in --engine, too.")
            _check_table(images, output, as_json=as_json)
            source = _source(model_dir, url)
            if settings:
                _check_engine(settings, source, folder, output or "")
            _predict_folder(
                source,
                folder,
                output=output or "",
                shards=shards,
                beam_options=beam_options,
            )


def _told_apart(
    given: list[str], url: str | None, folder: str | None
) -> tuple[str | None, list[str]]:
    """Returns MODEL_DIR, if it is there, and the photos: beside --url, it is what is a folder."""
    has_model = bool(given) and (url is None or Path(given[0]).is_dir())
    model_dir, images = (given[0], given[1:]) if has_model else (None, given)
    if not images and folder is None:
        raise ConfigError("No photos; name them behind the model, or a folder of them in --input.")
    return model_dir, images


def _source(model_dir: str | None, url: str | None) -> ModelSource:
    # Found before TensorFlow is imported, which takes seconds.
    from components.serving.source import model_source

    return model_source(model_dir, url)


def _check_no_table(output: str | None, engine: str, shards: int) -> None:
    options = {
        "--output": output is not None,
        "--engine": engine != _LOCAL,
        "--shards": shards != 1,
    }
    for name, given in options.items():
        if given:
            raise ConfigError(f"{name} is for a folder of photos; name that in --input.")


def _check_table(images: Sequence[str], output: str | None, *, as_json: bool) -> None:
    if images:
        raise ConfigError("Photos and --input exclude each other; leave one out.")
    if as_json:
        raise ConfigError("--json is for single photos; name a .jsonl file in --output.")
    if output is None:
        raise ConfigError("--input needs --output; name a .parquet, .csv or .jsonl file there.")


def _engine_settings(
    engine: str, config: Path | None, overrides: Sequence[str]
) -> EngineConfig | None:
    """Returns the configuration's section, or None if the engine is none that it describes."""
    from pipelines.config import load_config

    if engine in _DESCRIBED:
        return load_config(config, [*overrides, f"engine.name={engine}"]).engine
    if config or overrides:
        option = "--config" if config else "--set"
        raise ConfigError(f"{option} describes {shortened_list(_DESCRIBED)}; name it in --engine.")
    return None


def _check_engine(engine: EngineConfig, source: ModelSource, folder: str, output: str) -> None:
    from components.dataset.storage import is_remote
    from components.serving.source import PushedSource
    from pipelines.engines.checks import check_engine

    places = {"--input": folder, "--output": os.path.dirname(output) or "."}
    if isinstance(source, PushedSource):
        places["MODEL_DIR"] = str(source.folder)
    check_engine(
        engine,
        {
            option: place if is_remote(place) else os.path.abspath(place)
            for option, place in places.items()
        },
    )


def _beam_options(engine: str) -> list[str] | None:
    """Returns the options of Beam, or None for the local engine."""
    from pipelines.engines.arguments import IN_MEMORY

    if engine == _LOCAL:
        return None
    if engine == _BEAM:
        return [*IN_MEMORY]
    try:
        options = shlex.split(engine)
    except ValueError as error:
        raise ConfigError(f"--engine {engine}: {error}; close what is quoted.") from error
    if not any(option.split("=")[0] == "--runner" for option in options):
        names = ", ".join([_LOCAL, _BEAM, *_DESCRIBED])
        raise ConfigError(
            f"--engine {engine}: write {names}, or options of Beam with a --runner in them."
        )
    return options


def _predict_images(source: ModelSource, images: Sequence[str], *, as_json: bool) -> None:
    from components.serving.classification import Photo, classified

    with _quiet(source), source.opened() as model:
        predictions = [*classified([Photo(image, image) for image in images], model)]
    if as_json:
        entries = [_without_none(asdict(prediction)) for prediction in predictions]
        said = json.dumps(entries, ensure_ascii=False, indent=2)
        # What is not UTF-8 in a file's name becomes JSON's own escape.
        typer.echo(said.encode(errors="backslashreplace").decode())
    else:
        for prediction in predictions:
            _print(prediction)
    if any(prediction.error for prediction in predictions):
        raise typer.Exit(1)


def _print(prediction: Prediction) -> None:
    path = printable(prediction.path)
    if prediction.error:
        typer.echo(f"{path}: {prediction.error}", err=True)
    else:
        typer.echo(f"{path}: {printable(prediction.label or '')} ({prediction.confidence:.1%})")


def _without_none(entry: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in entry.items() if value is not None}


def _predict_folder(
    source: ModelSource,
    folder: str,
    *,
    output: str,
    shards: int,
    beam_options: list[str] | None,
) -> None:
    from components.batch_predict.photos import check_photos
    from components.batch_predict.table import check_output
    from components.dataset.storage import is_remote

    check_output(output)
    if beam_options is None and is_remote(output):
        raise ConfigError(f"--output {output}: only Beam writes there; name a file here.")
    check_photos(folder)
    if beam_options is None:
        from components.batch_predict.local import predict_here

        with (
            _quiet(source) as stderr,
            source.opened() as model,
            _progress(folder, stderr) as on_photo,
        ):
            summary: Summary | None = predict_here(
                model, folder, output=Path(output), on_photo=on_photo
            )
    else:
        with quiet_tensorflow():
            from components.batch_predict.engine import predict_with_beam

            summary = predict_with_beam(
                source, folder, output=output, shards=shards, options=beam_options
            )
    _print_summary(summary, output if shards == 1 else "-*-of-*".join(os.path.splitext(output)))
    if summary and summary.unreadable == summary.photos:
        raise typer.Exit(1)


@contextmanager
def _progress(folder: str, stderr: TextIO) -> Iterator[Callable[[], None]]:
    """Shows on a terminal how far it is; yields what is to be told of each photo."""
    if not stderr.isatty():
        yield lambda: None
        return
    from components.batch_predict.photos import photos_below

    total = sum(1 for _ in photos_below(folder))
    with photo_progress("Classifying photos", total, stderr) as progress:
        yield lambda: progress(1)


def _print_summary(summary: Summary | None, output: str) -> None:
    counted = "The photos" if summary is None else f"{summary.photos} photos"
    unreadable = summary.unreadable if summary else 0
    said = f"{counted} in {printable(output)}"
    if unreadable:
        said += f", {unreadable} of them could not be read: see its column `error`"
    typer.echo(f"{said}.", err=True)


def _quiet(source: ModelSource) -> AbstractContextManager[TextIO]:
    """Hides what TensorFlow says, where it is used; gives a stream on the terminal."""
    from components.serving.source import PushedSource

    return quiet_tensorflow() if isinstance(source, PushedSource) else nullcontext(sys.stderr)
