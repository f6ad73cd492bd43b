"""Shows what a run does while it does it: to people on a terminal, or to programs line by line."""

from __future__ import annotations

import json
import logging
import sys
import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self, TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text

from cli.component_logs import ComponentLogs
from cli.marks import MARKS
from pipelines.captured_output import LOG_FORMAT
from pipelines.outcome import FAILED, RUNNING, SKIPPED, ComponentRun

# One line for each: a component that is reused or not, a photo that is set aside, a model that is
# not blessed.
_DECISIONS = logging.getLogger("decisions")

_TRAINING = logging.getLogger("components.trainer")


def decided(about: str, decision: str, because: str) -> None:
    """Logs a decision, and why it was made.

    Args:
        about: a component, a photo or a model.
        decision: such as `reuse`, `quarantined`, `not blessed`.
        because: why, as a sentence or the end of one.
    """
    _DECISIONS.info(
        "%s: %s, because %s",
        *(about, decision, because),
        extra={"decision": {"about": about, "decision": decision, "because": because}},
    )


class Progress(logging.Handler):
    """Follows a run: its components, what training logs, and decisions.

    Attributes:
        components: that ended, in their order.
        failed: id of the component that failed, or None.
    """

    def __init__(self, stderr: TextIO, logs: ComponentLogs) -> None:
        """Shows nothing yet.

        Args:
            stderr: where to.
            logs: of the components, to begin and end.
        """
        super().__init__(logging.INFO)
        self._stderr = stderr
        self._logs = logs
        self._began = time.perf_counter()
        self.components: list[ComponentRun] = []
        self.failed: str | None = None

    @contextmanager
    def shown(self) -> Iterator[Self]:
        """Follows what is logged in the meantime."""
        root = logging.getLogger()
        to_log = logging.StreamHandler()  # stderr, which is the run's log now.
        to_log.setFormatter(logging.Formatter(LOG_FORMAT))
        root.addHandler(to_log)
        root.setLevel(logging.INFO)
        for logger in self._followed:
            logger.addHandler(self)
        try:
            yield self
        finally:
            for logger in self._followed:
                logger.removeHandler(self)
            root.removeHandler(to_log)

    @property
    def _followed(self) -> tuple[logging.Logger, ...]:
        return (_TRAINING,)

    def on_component(self, component: ComponentRun) -> None:
        """Takes note of a component that begins or ends."""
        if component.state == RUNNING:
            if not self.components and "tensorflow" in sys.modules:
                self.loaded(time.perf_counter() - self._began)
            self.begins(component.id)
            self._logs.begin(component.id)
            return
        if component.state != SKIPPED:
            self._logs.end()
        self.components.append(component)
        if component.state == FAILED:
            self.failed = component.id
        self.ended(component)

    @abstractmethod
    def loaded(self, seconds: float) -> None:
        """Shows that TensorFlow and TFX are there."""

    @abstractmethod
    def begins(self, component: str) -> None:
        """Shows that a component begins."""

    @abstractmethod
    def ended(self, component: ComponentRun) -> None:
        """Shows what became of a component."""

    @abstractmethod
    def say(self, text: str, style: str = "") -> None:
        """Shows a message that is about the run as a whole."""


class TerminalProgress(Progress):
    """Shows a line for each component and epoch, and what is going on now."""

    def __init__(self, stderr: TextIO, logs: ComponentLogs) -> None:
        """As `Progress`."""
        super().__init__(stderr, logs)
        self._console = Console(file=stderr, highlight=False)
        self._status: Status = self._console.status("Looking what is finished, else loading TFX")

    @contextmanager
    def shown(self) -> Iterator[Self]:
        """As `Progress`, with the line of what is going on."""
        with super().shown(), self._status:
            yield self

    def loaded(self, seconds: float) -> None:
        """Says how long it took."""
        self.say(f"  loaded TensorFlow and TFX in {seconds:.1f} s", "dim")

    def begins(self, component: str) -> None:
        """Names it in the line of what is going on."""
        self._status.update(component)

    def ended(self, component: ComponentRun) -> None:
        """Prints its line."""
        mark, style = MARKS[component.state]
        self._console.print(
            Text.assemble(
                (f"{mark} ", style),
                f"{component.id:<22}",
                (f"{component.state:<9}", style),
                f"{component.seconds:6.1f} s",
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Prints what training logs."""
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        self.say(f"  {record.getMessage()}", style)

    def say(self, text: str, style: str = "") -> None:
        """Prints it."""
        self._console.print(Text(text, style=style), soft_wrap=True)


class JsonProgress(Progress):
    """Writes a JSON object in a line for each thing that happens."""

    @property
    def _followed(self) -> tuple[logging.Logger, ...]:
        return (*super()._followed, _DECISIONS)

    def loaded(self, seconds: float) -> None:
        """Writes how long it took."""
        self._write("loaded", seconds=round(seconds, 3))

    def begins(self, component: str) -> None:
        """Writes that it begins."""
        self._write("component", id=component, state=RUNNING)

    def ended(self, component: ComponentRun) -> None:
        """Writes what became of it, and what it took."""
        self._write("component", **component.as_json())

    def emit(self, record: logging.LogRecord) -> None:
        """Writes what training logs, and decisions."""
        found = getattr(record, "decision", None)
        if found:
            self._write("decision", **found)
        else:
            self._write("log", level=record.levelname, message=record.getMessage())

    def say(self, text: str, style: str = "") -> None:
        """Writes it as a message."""
        del style
        self._write("message", message=text)

    def _write(self, event: str, **values: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **values}, ensure_ascii=True)
        self._stderr.write(line + "\n")
        self._stderr.flush()
