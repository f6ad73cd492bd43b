"""Where a model is: in a folder, or behind TensorFlow Serving. Mistakes answer at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.serving.classification import Model
from components.serving.model_folder import read_classes, version_folder
from schemas.errors import ConfigError


@dataclass(frozen=True)
class PushedSource:
    """A model in a folder, to be computed in the process that opens it.

    Attributes:
        folder: of one version.
    """

    folder: Path

    @contextmanager
    def opened(self) -> Iterator[Model]:
        """Loads the model.

        Raises:
            ModelError: if it is damaged, or not one of this project.
        """
        from components.serving.pushed_model import PushedModel  # noqa: PLC0415 (TensorFlow)

        yield PushedModel(self.folder)


@dataclass(frozen=True)
class ServedSource:
    """A model behind TensorFlow Serving's REST API.

    Attributes:
        url: of the model.
        classes: their names, or None if they are not known.
    """

    url: str
    classes: tuple[str, ...] | None = None

    @contextmanager
    def opened(self) -> Iterator[Model]:
        """Connects to the server.

        Raises:
            ModelError: if it is not there, or serves no model of this project.
        """
        from components.serving.rest import ServedModel  # noqa: PLC0415 (a tenth of a second)

        with closing(ServedModel(self.url, self.classes)) as model:
            yield model


ModelSource = PushedSource | ServedSource
"""What to classify with; can be sent to another process."""


def model_source(model_dir: str | None, url: str | None) -> ModelSource:
    """Finds a model, without loading it or connecting.

    Args:
        model_dir: of one version, or of all versions, of which the newest is taken. Beside a URL it
            only tells the names of the classes.
        url: of TensorFlow Serving's REST API.

    Raises:
        ConfigError: if neither is given, or the address is none.
        ModelError: if there is no model in the folder, or it carries no class names.
    """
    folder = version_folder(Path(model_dir)) if model_dir is not None else None
    classes = tuple(read_classes(folder)) if folder else None
    if url is not None:
        from components.serving.rest import check_url  # noqa: PLC0415 (a tenth of a second)

        check_url(url)
        return ServedSource(url, classes)
    if folder is None:
        raise ConfigError("No model; name the folder of a pushed model, or --url.")
    return PushedSource(folder)
