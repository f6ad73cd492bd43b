"""What was found when one thing of a machine was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["PASS", "WARN", "FAIL"]

PASS: Verdict = "PASS"  # noqa: S105 (no password)
WARN: Verdict = "WARN"
FAIL: Verdict = "FAIL"


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        name: of what was looked at.
        verdict: WARN if a run works all the same, FAIL if it does not.
        text: what was found and, unless it is as it should be, what to do.
    """

    name: str
    verdict: Verdict
    text: str
