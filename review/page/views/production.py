"""What is in production, and what made it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice, zip_longest
from typing import Any

from review.examples import ExampleSet
from review.library import Library
from review.naming import known_as
from review.page.gallery import Gallery
from review.page.shown import Shown
from review.page.views.run import run_as_data
from review.photos import Photo
from review.served import ServedVersion, versions_in_service
from schemas.errors import ConfigError
from schemas.features import EVAL, TEST, TRAIN

_SHOWN = {"PushedModel", "Model", "ModelBlessing", "ModelEvaluation", "Examples"}

# Of the training photos of a version.
_MOST_PHOTOS = 8

# What a split is for, in the order of the pipeline.
_USES = {TRAIN: "trained on", EVAL: "chosen or evaluated with", TEST: "evaluated with"}


def production(library: Library, gallery: Gallery) -> Shown:
    """Shows the versions in service, each with the run that trained it.

    Args:
        library: of the store.
        gallery: of its photos.
    """
    ids = library.run_ids()
    versions = [
        _version(library, gallery, found, ids) for found in versions_in_service(library.output)
    ]
    return Shown("production.html", {"versions": versions})


def _version(
    library: Library, gallery: Gallery, found: ServedVersion, ids: dict[str, int]
) -> dict[str, Any]:
    run_id = ids.get(found.run or "")
    entry = library.entry(run_id) if run_id is not None else None
    examples = _examples(gallery, run_id) if run_id is not None else None
    pushed = []
    if entry:
        with library.reading() as opened:
            made = opened.history.artifacts(entry.run.made_ids).values()
        pushed = [
            {"id": one.id, "type": one.type, "is": known_as(opened.history, one)}
            for one in sorted(made, key=lambda one: one.id)
            if one.type in _SHOWN
        ]
    return {
        "version": {**asdict(found), "pushed_at": _time(found.pushed_at)},
        "run": run_as_data(entry) if entry else None,
        "artifacts": pushed,
        "photos": _photos(examples) if examples else None,
        "some": _some(examples) if examples else [],
    }


def _examples(gallery: Gallery, run_id: int) -> ExampleSet | None:
    """Returns the photos that made a model; None if that is not recorded, or gone."""
    try:
        return gallery.examples(run_id)
    except ConfigError:
        return None


def _time(text: str | None) -> datetime | None:
    """Reads when a version was pushed, in UTC; None where that is not recorded."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _some(examples: ExampleSet) -> list[dict[str, Any]]:
    """Returns a few training photos, of each class in turn, so that one sees what it learnt."""
    by_class: dict[str, list[Photo]] = {}
    for photo in examples.of_split(TRAIN):
        by_class.setdefault(photo.label, []).append(photo)
    in_turn = (one for row in zip_longest(*by_class.values()) for one in row if one)
    return [asdict(photo) for photo in islice(in_turn, _MOST_PHOTOS)]


def _photos(examples: ExampleSet) -> list[dict[str, Any]]:
    """Counts the photos that made a model, by what it did with them."""
    counts = Counter(photo.split for photo in examples.photos)
    return [
        {"split": split, "photos": counts[split], "use": _USES.get(split, "not used")}
        for split in (*_USES, *sorted(counts.keys() - _USES.keys()))
        if counts[split]
    ]
