"""The photos of a run, and one photo with every model that saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from review.library import Library
from review.page.gallery import Gallery
from review.page.shown import Shown, page_number, positive
from review.page.views.run import run_as_data
from review.photo_history import Sighting, sightings
from schemas.errors import ConfigError

_ON_A_PAGE = 60


def photos(library: Library, gallery: Gallery, run_id: int, query: Mapping[str, str]) -> Shown:
    """Shows the photos that a run used.

    Args:
        library: of the store.
        gallery: of its photos.
        run_id: in the store.
        query: `split`, `label`; `q`, a part of the path; `page`, from 1.

    Raises:
        ConfigError: if there is no such run, or its photos are not recorded or gone.
    """
    entry = library.entry(run_id)
    found = gallery.examples(run_id)
    asked = {name: query.get(name, "") for name in ("split", "label", "q")}
    chosen = [
        photo
        for photo in found.photos
        if asked["split"] in {"", photo.split}
        and asked["label"] in {"", photo.label}
        and asked["q"].lower() in photo.path.lower()
    ]
    number = page_number(query)
    counts = Counter((photo.label, photo.split) for photo in found.photos)
    splits = sorted({photo.split for photo in found.photos}, reverse=True)
    return Shown(
        "photos.html",
        {
            "run": run_as_data(entry),
            "artifact": found.artifact.id,
            "photos": [asdict(p) for p in chosen[(number - 1) * _ON_A_PAGE : number * _ON_A_PAGE]],
            "count": len(chosen),
            "all": len(found.photos),
            "asked": asked,
            "splits": splits,
            "classes": [
                {"label": label, "photos": [counts[label, split] for split in splits]}
                for label in sorted({photo.label for photo in found.photos})
            ],
            "page": number,
            "pages": max(1, -(-len(chosen) // _ON_A_PAGE)),
        },
    )


def photo(library: Library, gallery: Gallery, sha256: str, query: Mapping[str, str]) -> Shown:
    """Shows a photo, and what every model that saw it did with it.

    Args:
        library: of the store.
        gallery: of its photos.
        sha256: of the photo's file, in hex.
        query: `run`, from which the picture is taken; by default the newest that used it.

    Raises:
        ConfigError: if neither a model nor the run that is named saw it.
    """
    models = gallery.models()
    with library.reading() as opened:
        found = sightings(opened.history, sha256, models)
    asked = positive(query.get("run", ""))
    # A run that failed before it trained has photos, too.
    own = gallery.examples(asked).find(sha256) if asked is not None else None
    photos_then = [*([own] if own else []), *(sighting.photo for sighting in reversed(found))]
    if not photos_then:
        raise ConfigError(f"No model in this store saw a photo {sha256[:12]}….")
    ids = library.run_ids()
    rows = [_row(sighting, ids) for sighting in reversed(found)]
    runs = [run["id"] for row in rows for run in row["runs"] if run["id"] is not None]
    return Shown(
        "photo.html",
        {
            "sha256": sha256,
            "paths": list(dict.fromkeys(one.path for one in photos_then)),
            "labels": list(dict.fromkeys(one.label for one in photos_then)),
            "run": asked if own else next(iter(runs), None),
            "models": rows,
        },
    )


def _row(sighting: Sighting, ids: Mapping[str, int]) -> dict[str, Any]:
    model, answer = sighting.model, sighting.answer
    return {
        "model": model.artifact.id,
        "trained": model.artifact.created,
        "runs": [{"name": name, "id": ids.get(name)} for name in reversed(model.runs)],
        "use": sighting.use,
        "split": sighting.photo.split,
        "label": sighting.photo.label,
        "path": sighting.photo.path,
        "said": answer.said if answer else None,
        "confidence": answer.confidence if answer else None,
        "right": answer.right if answer else None,
        "blessed": model.blessed,
        "pushed_to": list(model.pushed_to),
    }
