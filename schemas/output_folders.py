"""The parts of the folder that a pipeline writes to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.corrections import CORRECTIONS_FILE

DEFAULT_OUTPUT = Path("warmstart-output")


@dataclass(frozen=True)
class OutputFolders:
    """The parts of an output folder."""

    root: Path

    @property
    def artifacts(self) -> Path:
        """TFX's pipeline root: a folder for each component."""
        return self.root / "artifacts"

    @property
    def metadata(self) -> Path:
        """The SQLite file of ML Metadata."""
        return self.root / "metadata.sqlite"

    @property
    def models(self) -> Path:
        """Pushed models, a numbered folder for each version, as TensorFlow Serving reads them."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """A folder for each run: its report, metrics and logs."""
        return self.root / "runs"

    @property
    def corrections(self) -> Path:
        """What a person decided about photos, for the next run."""
        return self.root / CORRECTIONS_FILE
