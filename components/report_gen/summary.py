"""What the report says in numbers, for programs: `metrics.json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from components.report_gen.contents import Contents


def summary(contents: Contents) -> dict[str, Any]:
    """Returns what `metrics.json` holds.

    Returns:
        blessed, not_blessed_because: as the Evaluator decided;
        split, photos, metrics, intervals, confusion, classes, slices, baseline: as in
            `components.evaluator.measured.Measured`;
        serving: latency for one photo in milliseconds, size in MB, and so on, as in
            `components.serving_validator.served.Served`;
        training: the stage that was kept, and of each its name, loss, accuracy and history;
        data: photos of each class by split, and how many files were set aside;
        anomalies: what is odd about the statistics, as in `components.report_gen.anomalies`.
    """
    measured = asdict(contents.measured)
    reasons = measured.pop("reasons")
    return {
        "blessed": contents.blessed,
        "not_blessed_because": reasons,
        "split": contents.split,
        **measured,
        "serving": asdict(contents.served),
        "training": {"kept": contents.kept, "stages": contents.stages},
        "data": {
            "photos": contents.survey["images"],
            "classes": contents.survey["classes"],
            "set_aside": len(contents.survey["quarantined"]),
            "label_suspicions": len(contents.suspicions),
        },
        "anomalies": contents.anomalies,
    }
