"""A real run of the pipeline on a part of the sample photos, for tests to share."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

import samples
from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.folders import OutputFolders
from pipelines.outcome import CACHED, EXECUTED, RUNNING, ComponentRun
from schemas.corrections import Correction

if TYPE_CHECKING:
    from pipelines.config import PipelineConfig
    from pipelines.plan.planner import Plan

PHOTOS_PER_CLASS = 16

# What TFX says of a component that a plan says something of.
WOULD_BE = {"run": EXECUTED, "reuse": CACHED, "look up": EXECUTED}

# Numbers for ids of runs, each of which is used once.
_SETTLED = count()

# Enough to run every line; what a model reaches is tested elsewhere.
QUICK = (
    "embed.views=1",
    "frozen.epochs=2",
    "fine_tune.epochs=1",
    "fine_tune.from=0.9",
    "evaluate.thresholds.accuracy.min=0.0",
    "evaluate.thresholds.accuracy.max_drop=1.0",
    "evaluate.thresholds.slices.min=null",
    "split.eval_fraction=0.3",
)


@dataclass(frozen=True)
class PipelineRuns:
    """A data folder, an output folder, and runs from one to the other."""

    data: Path
    output: OutputFolders

    def run(
        self,
        run_id: str,
        *overrides: str,
        corrections: Iterable[Correction] = (),
        as_planned: bool = True,
    ) -> dict[str, str]:
        """Runs the pipeline in this process; returns the state of each component.

        Every run is planned before, and must do what the plan says: a test of both. A test that
        puts another component into the chain says that it does not.
        """
        from components.dataset.survey import survey
        from pipelines.config import load_config
        from pipelines.forgotten import forget
        from pipelines.local_runner import run

        states: dict[str, str] = {}

        def listen(component: ComponentRun) -> None:
            if component.state != RUNNING:
                states[component.id] = component.state

        config = load_config(None, [*QUICK, *overrides])
        corrections = list(corrections)
        found = survey(str(self.data), config.survey_options, corrections=corrections)
        corrected = found.corrected if corrections else NO_CORRECTIONS
        forget(self.output)
        planned = self.planned(config, corrected, found.fingerprint)
        run(
            config,
            data=str(self.data),
            output=self.output,
            corrected=corrected,
            run_id=run_id,
            listener=listen,
        )
        if as_planned and planned:
            assert {step.id: WOULD_BE[step.state] for step in planned.steps} == states
        return states

    def first_artifact(self, kind: str) -> Any:
        """Returns the artifact of a type that the first run made; later ones are other tests'."""
        from pipelines.metadata_store import opened

        return min(opened(self.output).get_artifacts_by_type(kind), key=lambda one: one.id)

    def first_output(self, component: str, output: str) -> Path:
        """Returns the folder of what a component made in the first run."""
        folders = (self.output.artifacts / component / output).iterdir()
        return min(folders, key=lambda folder: int(folder.name))

    def settle(self) -> str:
        """Runs as things stand, so that what a test changes then is all that changes.

        What photos and models are compared with is what other tests ran before, in any order.

        Returns:
            The id of the run.
        """
        run_id = f"settled {next(_SETTLED)}"
        self.run(run_id)
        return run_id

    def planned(
        self, config: PipelineConfig, corrected: Corrected, fingerprint: str
    ) -> Plan | None:
        """Plans a run; None as long as the pipeline was not compiled."""
        from pipelines.plan.planner import planned_run

        return planned_run(
            config,
            data=str(self.data),
            output=self.output,
            corrected=corrected,
            fingerprint=fingerprint,
        )


def copy_sample(target: Path, photos_per_class: int = PHOTOS_PER_CLASS) -> Path:
    """Copies the first photos of each class of the sample."""
    for folder in sorted(samples.PHOTOS_FOLDER.iterdir()):
        if folder.is_dir():
            (target / folder.name).mkdir(parents=True)
            for photo in sorted(folder.glob("*.jpg"))[:photos_per_class]:
                shutil.copy(photo, target / folder.name)
    return target


def lay_on_the_side(folder: Path) -> None:
    """Rewrites photos as a camera held upright writes them: on their side, with EXIF to turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for file in sorted(folder.glob("*.jpg")):
        with Image.open(file) as photo:
            turned = photo.transpose(Image.Transpose.ROTATE_90)
        turned.save(file, exif=exif)


def store_otherwise(folder: Path) -> None:
    """Rewrites two photos in formats that TensorFlow does not decode, or not as others do."""
    first, second = sorted(folder.glob("*.jpg"))[:2]
    with Image.open(first) as photo:
        photo.save(first.with_suffix(".tiff"))
    first.unlink()
    with Image.open(second) as photo:
        photo.convert("CMYK").save(second)
