"""What lies in the folder of a run, `OUTPUT/runs/<run id>`."""

from __future__ import annotations

REPORT_FILE = "report.html"
# What `warmstart pipeline run --json` prints.
METRICS_FILE = "metrics.json"
# All that libraries printed.
LOG_FILE = "log.txt"
# A file for each component, with its part of that.
LOGS_FOLDER = "logs"


def component_log(node: str) -> str:
    """Returns the name of a component's log, in `LOGS_FOLDER`."""
    return f"{node}.txt"
