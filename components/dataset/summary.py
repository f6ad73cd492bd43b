"""What a survey found, in the form that `data check --json`, the summary and the report share."""

from __future__ import annotations

from typing import Any

from components.dataset.checks import errors, warnings
from components.dataset.layout import CLASS_FOLDERS
from components.dataset.options import LEAVE_OUT, SurveyOptions
from components.dataset.survey import Photo, Problem, Survey

# Why a photo that a person left out is not used.
LEFT_OUT = "left out by a correction"

# What `data check --json` prints of a folder that cannot be surveyed.
NOTHING_FOUND: dict[str, Any] = {
    "images": 0,
    "layout": CLASS_FOLDERS,
    "classes": {},
    "quarantined": [],
    "relabelled": [],
    "duplicate_groups": [],
    "label_conflicts": [],
    "warnings": [],
    "errors": [],
}


def summary(data: str, survey: Survey, options: SurveyOptions) -> dict[str, Any]:
    """Returns what was found, ready for JSON.

    Args:
        data: the data folder, as the user named it.
        survey: of it.
        options: of the survey.

    Returns:
        images: how many photos are used;
        layout: `class folders`, `split folders` or `manifest`;
        classes: photos of each class by split;
        quarantined: files that are not used: path, class, reason, bytes;
        relabelled: photos to which a correction gave another class: path, class, was;
        duplicate_groups: the paths of photos that show the same picture, a list of each;
        label_conflicts: pictures under several labels: path and class of each photo;
        warnings, errors: sentences; an error stops a run.
    """
    return NOTHING_FOUND | {
        "images": len(survey.photos),
        "layout": survey.layout,
        "classes": survey.counts,
        "quarantined": [
            {"path": p.path, "class": p.label, "reason": p.reason, "bytes": p.size}
            for p in set_aside(survey, options)
        ],
        "relabelled": [
            {"path": photo.path, "class": photo.label, "was": photo.was}
            for photo in survey.photos
            if photo.was
        ],
        "duplicate_groups": [[photo.path for photo in photos] for photos in survey.duplicates],
        "label_conflicts": [
            [{"path": photo.path, "class": photo.label} for photo in photos]
            for photos in survey.conflicts
        ],
        "warnings": warnings(survey, options),
        "errors": errors(data, survey, options),
    }


def set_aside(survey: Survey, options: SurveyOptions) -> list[Problem]:
    """Lists the files that cannot be used, and the photos left out: by a person, or for a label."""
    conflicts = survey.conflicts if options.label_conflicts == LEAVE_OUT else []
    return sorted(
        [
            *survey.problems,
            *(_left_out(photo, LEFT_OUT) for photo in survey.left_out),
            *(_left_out(p, _shown_by(p, photos)) for photos in conflicts for p in photos),
        ],
        key=lambda problem: problem.path,
    )


def _left_out(photo: Photo, reason: str) -> Problem:
    return Problem(photo.path, photo.label, reason, photo.seen.size, photo.digest)


def _shown_by(photo: Photo, shown_by: list[Photo]) -> str:
    others = sorted({p.path for p in shown_by if p.label != photo.label})
    return "the same picture as " + " and ".join(others)
