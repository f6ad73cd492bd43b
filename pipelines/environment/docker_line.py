"""The lines that start warmstart in a container, as one would type them.

What is mounted has the same place inside as outside: ML Metadata records where things lie, and
`warmstart review` on the machine finds what a container made.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.environment.resources import LOCAL, PORTS

NOTEBOOK_PORT = PORTS["notebook"]
TOKEN_VARIABLE = "JUPYTER_TOKEN"  # noqa: S105 (the name of a variable)

# Where the image expects ImageNet weights.
_WEIGHTS = "/weights"

# GPUs that work together hand gradients over in shared memory, of which Docker gives 64 MB.
_SHARED_MEMORY = "1g"


@dataclass(frozen=True)
class Line:
    """A line for a shell.

    Attributes:
        command: the program and its arguments.
        variables: that it gets in its environment, where no one else can read them.
    """

    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """As it is typed."""
        return shlex.join([*(f"{name}={value}" for name, value in self.variables), *self.command])


@dataclass(frozen=True)
class Mount:
    """A folder or file that a container sees.

    Attributes:
        source: outside.
        target: inside; the same place if empty.
        readonly: inside.
    """

    source: Path
    target: str = ""
    readonly: bool = False

    def __str__(self) -> str:
        """As `--mount` takes it, which reads CSV."""
        fields = ["type=bind", f"source={self.source}", f"target={self.target or self.source}"]
        written = io.StringIO()
        csv.writer(written, lineterminator="").writerow(
            [*fields, "readonly"] if self.readonly else fields
        )
        return written.getvalue()


@dataclass(frozen=True)
class Container:
    """What every container of ours is started with.

    Attributes:
        image: by name.
        gpus: `all`, indices or UUIDs with commas between them; empty for none.
        user: as `--user` takes it, so that what is written belongs to who started it.
        weights: the weight cache.
        terminal: whether a person looks on.
    """

    image: str
    gpus: str
    user: str
    weights: Path
    terminal: bool = False


def build_line(folder: Path, image: str, *, target: str, processor: str) -> Line:
    """Returns the line that builds the image.

    Args:
        folder: the checkout.
        image: name to give it.
        target: `notebook`, or `worker` without Jupyter.
        processor: `gpu`, or `cpu` without CUDA.
    """
    options = ["--tag", image, "--target", target, "--build-arg", f"PROCESSOR={processor}"]
    return Line(("docker", "build", *options, str(folder)))


def run_line(
    container: Container,
    data: str,
    output: Path,
    *,
    config: Path | None = None,
    arguments: Sequence[str] = (),
) -> Line:
    """Returns the line that runs the pipeline.

    Args:
        container: how it is started.
        data: the photos: an absolute path, or an address such as gs://photos.
        output: absolute.
        config: the same, if there is one.
        arguments: more of `warmstart pipeline run`.
    """
    mounts = [Mount(output), Mount(container.weights, _WEIGHTS)]
    command = ["pipeline", "run", "--data", data, "--output", str(output)]
    if "://" not in data:
        mounts.append(Mount(_photos_of(Path(data)), readonly=True))
    if config:
        mounts.append(Mount(config, readonly=True))
        command += ["--config", str(config)]
    # The image's check of health asks Jupyter Lab.
    options = ["--no-healthcheck", *_mounted(mounts)]
    return Line((*_started(container), *options, container.image, *command, *arguments))


def notebook_line(
    container: Container, project: Path, *, port: int, token: str, data: Path | None = None
) -> Line:
    """Returns the line that starts Jupyter Lab, for this machine's browser only.

    Args:
        container: how it is started.
        project: absolute; what the notebooks see and write to.
        port: on this machine.
        token: that the browser has to know.
        data: the photos, absolute, unless they are in the project.
    """
    mounts = [Mount(project), Mount(container.weights, _WEIGHTS)]
    if data:
        mounts.append(Mount(_photos_of(data), readonly=True))
    options = [
        *("--publish", f"{LOCAL}:{port}:{NOTEBOOK_PORT}"),
        *("--env", TOKEN_VARIABLE),
        *_mounted(mounts),
        *("--workdir", str(project)),
    ]
    command = (*_started(container), *options, container.image)
    return Line(command, ((TOKEN_VARIABLE, token),))


def _started(container: Container) -> list[str]:
    options = ["docker", "run", "--rm", "--init"]
    if container.terminal:
        options += ["--interactive", "--tty"]
    if container.gpus:
        # Docker reads CSV here, too: without the quotes the second GPU would be another option.
        chosen = container.gpus if container.gpus == "all" else f'"device={container.gpus}"'
        options += ["--gpus", chosen, "--shm-size", _SHARED_MEMORY]
    return [*options, "--user", container.user]


def _mounted(mounts: Sequence[Mount]) -> list[str]:
    return [part for mount in mounts for part in ("--mount", str(mount))]


def _photos_of(data: Path) -> Path:
    """Returns what has to be seen: the photos that a manifest names lie beside it."""
    return data.parent if data.suffix.lower() in {".csv", ".parquet"} else data
