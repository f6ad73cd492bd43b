"""What is in production, and what made it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from review.library import Library
from review.page.gallery import Gallery
from review.page.shown import Shown
from review.page.views.run import run_as_data
from review.served import ServedVersion, versions_in_service
from schemas.errors import ConfigError
from schemas.features import EVAL, TEST, TRAIN

_SHOWN = {"PushedModel", "Model", "ModelBlessing", "ModelEvaluation", "Examples"}

# What a split is for, in the order of the pipeline.
_USES = {TRAIN: "trained on", EVAL: "chosen or evaluated with", TEST: "evaluated with"}


def production(library: Library, gallery: Gallery) -> Shown:
    """Shows the versions in service, each with the run that trained it.

    Args:
        library: of the store.
        gallery: of its photos.
    """
    ids = {head.name: head.id for head in library.heads()}
    versions = [
        _version(library, gallery, found, ids) for found in versions_in_service(library.output)
    ]
    return Shown("production.html", {"versions": versions})


def _version(
    library: Library, gallery: Gallery, found: ServedVersion, ids: dict[str, int]
) -> dict[str, Any]:
    run_id = ids.get(found.run or "")
    entry = library.entry(run_id) if run_id is not None else None
    pushed = []
    if entry:
        with library.reading() as opened:
            made = opened.history.artifacts(entry.run.made_ids).values()
        pushed = [
            {"id": one.id, "type": one.type}
            for one in sorted(made, key=lambda one: one.id)
            if one.type in _SHOWN
        ]
    return {
        "version": found,
        "run": run_as_data(entry) if entry else None,
        "artifacts": pushed,
        "photos": _photos(gallery, run_id) if entry and run_id is not None else None,
    }


def _photos(gallery: Gallery, run_id: int) -> list[dict[str, Any]] | None:
    """Counts the photos that made a model, by what it did with them; None if that is gone."""
    try:
        examples = gallery.examples(run_id)
    except ConfigError:
        return None
    counts = Counter(photo.split for photo in examples.photos)
    return [
        {"split": split, "photos": counts[split], "use": _USES.get(split, "not used")}
        for split in (*_USES, *sorted(counts.keys() - _USES.keys()))
        if counts[split]
    ]
