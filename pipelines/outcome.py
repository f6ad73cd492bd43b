"""What a run came to, in the form that `--json`, the summary and the report share."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.resource_use import ResourceUse
from schemas.corrections import counts
from schemas.run_folder import METRICS_FILE

if TYPE_CHECKING:
    # They import TensorFlow and TFX, which a run that cannot begin does without.
    from components.evaluator.measured import Measured
    from components.label_review.suspicions import LabelSuspicion
    from components.serving_validator.served import Served


@dataclass(frozen=True)
class ComponentRun:
    """What became of one component in one run.

    Attributes:
        id: of the component, such as `Trainer`.
        state: `running`, `executed`, `cached`, `failed` or `skipped`.
        seconds: wall time, with look-ups in ML Metadata.
        used: of processor and memory, where it was measured.
    """

    id: str
    state: str
    seconds: float
    used: ResourceUse | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns the object that `warmstart pipeline run --json` prints of it."""
        found: dict[str, Any] = {
            "id": self.id,
            "state": self.state,
            "seconds": round(self.seconds, 3),
        }
        if self.used:
            found["cpu_seconds"] = round(self.used.cpu_seconds, 3)
            found["peak_memory"] = self.used.peak_memory
        return found


RUNNING = "running"
EXECUTED = "executed"
CACHED = "cached"
FAILED = "failed"
SKIPPED = "skipped"


@dataclass(frozen=True)
class Results:
    """What a run that succeeded found out and did.

    Attributes:
        blessed: whether the model reached every threshold.
        pushed_to: the folder of the pushed version, or None.
        not_pushed_because: why a blessed model is not served, as the end of a sentence, or None.
        measured: on the evaluation photos; which thresholds were missed, and by how much.
        served: what the model came to outside this project.
        survey: what lies in the data folder, as `warmstart data check --json` prints it.
        quarantine: the file that lists what was set aside.
        label_suspicions: labels that look wrong, the least likely first.
        label_suspicions_file: the file that lists them.
        report: folder of the Report artifact.
        anomalies: what is odd about the statistics: `kind`, `feature`, `sentence` and more,
            see `components.report_gen.anomalies`.
    """

    blessed: bool
    pushed_to: str | None
    not_pushed_because: str | None
    measured: Measured
    served: Served
    survey: dict[str, Any]
    quarantine: str
    label_suspicions: list[LabelSuspicion]
    label_suspicions_file: str
    report: str
    anomalies: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        run_id: its id in ML Metadata, or None if it never began.
        components: in the order of the chain.
        results: None unless it succeeded.
        error: what failed, or None.
        folder: where the summary, the report and the log of the run are.
        corrected: what became of a person's corrections.
        interrupted: whether someone pressed Ctrl-C.
    """

    run_id: str | None
    components: list[ComponentRun] = field(default_factory=list)
    results: Results | None = None
    error: str | None = None
    folder: Path | None = None
    corrected: Corrected = NO_CORRECTIONS
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Returns the object that `warmstart pipeline run --json` prints."""
        results = self.results
        return {
            "run_id": self.run_id,
            "state": "failed" if self.error else "succeeded",
            "blessed": bool(results and results.blessed),
            "not_blessed_because": results.measured.reasons if results else [],
            "pushed_to": results.pushed_to if results else None,
            "not_pushed_because": results.not_pushed_because if results else None,
            "serving": (
                {
                    "latency_ms": _rounded(results.served.latency_ms),
                    "p95_ms": _rounded(results.served.p95_ms),
                    "size_mb": _rounded(results.served.size_mb),
                }
                if results
                else {}
            ),
            "metrics": _metrics(results.measured) if results else {},
            "classes": [of.label for of in results.measured.classes] if results else [],
            "quarantined": results.survey["quarantined"] if results else [],
            "warnings": results.survey["warnings"] if results else [],
            "corrections": {
                "applied": len(self.corrected.applied),
                **counts(self.corrected.applied)._asdict(),
                "unmatched": len(self.corrected.unmatched),
            },
            "label_suspicions": [
                {
                    "path": s.path,
                    "class": s.label,
                    "suggested": s.suggested,
                    "confidence": s.confidence,
                }
                for s in (results.label_suspicions if results else [])
            ],
            "anomalies": results.anomalies if results else [],
            "components": [component.as_json() for component in self.components],
            "error": self.error,
        }


def _metrics(measured: Measured) -> dict[str, Any]:
    return {
        **measured.metrics,
        "examples": measured.photos,
        "accuracy_by_class": {of.label: of.recall for of in measured.classes if of.photos},
        "intervals": measured.intervals,
        "classes": [asdict(of) for of in measured.classes],
        "slices": [asdict(of) for of in measured.slices],
        "baseline": asdict(measured.baseline) if measured.baseline else None,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def new_run_id() -> str:
    """Returns the time in UTC, to the microsecond: run ids sort by age."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def write_whole(file: Path, text: str) -> None:
    """Writes a file under another name first, so that it is never seen half-written."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, file)


def write_metrics(outcome: Outcome, folder: Path) -> Path:
    """Writes the run's JSON object as `metrics.json` into a folder."""
    file = folder / METRICS_FILE
    write_whole(file, json.dumps(outcome.as_json(), ensure_ascii=False, indent=2) + "\n")
    return file
