"""The sides of a comparison: each learns from the same photos, in processes of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.process import Measured, peak_gb, run

_WARMSTART = str(Path(sys.executable).with_name("warmstart"))

# As many epochs as the others, and whatever the model reaches is pushed, as theirs is kept. Changed
# copies count as different pictures, as they do for the others: else most of them would be for
# evaluation, where a group goes as a whole if one of its photos would.
_SETTINGS = (
    "data.duplicates=exact",
    "train.early_stopping=0",
    "evaluate.thresholds.accuracy.min=null",
    "evaluate.thresholds.accuracy.max_drop=null",
    "evaluate.thresholds.slices.min=null",
)

FROZEN_EPOCHS = "frozen epochs"
FINE_TUNE_EPOCHS = "fine-tune epochs"


@dataclass(frozen=True)
class Took:
    """What a side took, and what came of it.

    Attributes:
        seconds: wall time from the start of the process; what it takes to ask about the held-out
            photos is left out.
        accuracy: share of the held-out photos that its model recognises.
        peak_gb: of memory.
        parts: seconds of what it consists of: components, and the epochs of a stage together.
    """

    seconds: float
    accuracy: float
    peak_gb: float
    parts: dict[str, float]


def plain_keras(data: Path, held_out: Path, *, epochs: int) -> Took:
    """Runs the tutorial's way in plain Keras.

    Args:
        data: folder with class folders, to learn from.
        held_out: such a folder, to ask about afterwards.
        epochs: in each stage.
    """
    script = [sys.executable, "-m", "benchmarks.plain_keras", str(data), str(held_out)]
    measured = run([*script, f"--epochs={epochs}"])
    seconds = measured.result["seconds"]
    return _script_took(
        measured,
        {
            "start-up": seconds["start_up"],
            FROZEN_EPOCHS: seconds["frozen"],
            FINE_TUNE_EPOCHS: seconds["fine_tune"],
        },
    )


def tfx_stock(data: Path, held_out: Path, output: Path, *, epochs: int, lean: bool = False) -> Took:
    """Runs TFX's own way, with stock components.

    Args:
        data: folder with class folders, to learn from.
        held_out: such a folder, to ask about afterwards.
        output: folder for what it makes; must not exist.
        epochs: in each stage.
        lean: without the statistics that Transform computes by default.
    """
    script = [sys.executable, "-m", "benchmarks.tfx_stock", *map(str, (data, held_out, output))]
    measured = run([*script, f"--epochs={epochs}", *(["--lean"] if lean else [])])
    seconds = measured.result["seconds"]
    return _script_took(
        measured,
        {
            "start-up": seconds["start_up"],
            "records": seconds["records"],
            **measured.result["components"],
        },
    )


@dataclass(frozen=True)
class Warmstart:
    """Runs of this project's pipeline, one after the other, into one output folder.

    Attributes:
        data: folder with class folders, to learn from.
        held_out: such a folder, to ask about afterwards.
        output: folder of the runs.
        epochs: in each stage.
    """

    data: Path
    held_out: Path
    output: Path
    epochs: int

    def run(self, *settings: str) -> Took:
        """Runs the pipeline.

        Args:
            settings: of the configuration, beside the number of epochs.
        """
        stages = (f"frozen.epochs={self.epochs}", f"fine_tune.epochs={self.epochs}")
        measured = run(
            [
                *(_WARMSTART, "pipeline", "run", "--json"),
                *(f"--data={self.data}", f"--output={self.output}"),
                *(f"--set={setting}" for setting in (*_SETTINGS, *stages, *settings)),
            ]
        )
        return Took(
            measured.seconds,
            self._accuracy(),
            peak_gb(measured),
            {
                **{one["id"]: one["seconds"] for one in measured.result["components"]},
                **self._epochs(measured.result),
            },
        )

    def _accuracy(self) -> float:
        photos = sorted(self.held_out.glob("*/*"))
        predict = [_WARMSTART, "predict", "--json", str(self.output / "models")]
        predictions = run([*predict, *map(str, photos)]).result
        right: int = sum(Path(one["path"]).parent.name == one["label"] for one in predictions)
        return right / len(photos)

    def _epochs(self, result: Mapping[str, Any]) -> dict[str, float]:
        """Reads from a run's log how long the epochs of each stage took; none if it was reused."""
        log = self.output / "runs" / result["run_id"] / "log.txt"
        found = re.findall(
            r"(frozen|fine-tuned) \d+/\d+: .* \((\d+\.\d+) s\)$",
            log.read_text(encoding="utf-8") if log.exists() else "",
            re.MULTILINE,
        )
        parts: dict[str, float] = {}
        for stage, seconds in found:
            name = FROZEN_EPOCHS if stage == "frozen" else FINE_TUNE_EPOCHS
            parts[name] = parts.get(name, 0.0) + float(seconds)
        return parts


def _script_took(measured: Measured, parts: dict[str, float]) -> Took:
    return Took(
        measured.seconds - measured.result["seconds"]["held_out"],
        measured.result["accuracy"],
        measured.peak_gb,
        parts,
    )
