"""The queue of labels and copies to decide about, and what is done with a decision."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from review.examples import ExampleSet
from review.label_queue import COPY, LABEL, Doubt, doubts_of_run
from review.leaks import Leaks, Share
from review.library import Library
from review.page.gallery import Gallery
from review.page.shown import Shown, positive
from review.page.views.run import run_as_data
from review.photos import Photo
from schemas import run_record
from schemas.corrections import (
    DECISIONS,
    KEEP,
    LEAVE_OUT,
    RELABEL,
    Correction,
    read_corrections,
    with_correction,
    write_corrections,
)
from schemas.errors import ConfigError, DataError

_MOST_SHOWN = 200

# Instead of a decision: the last one is taken back.
_UNDO = "undo"

# One decision is read and written after the other.
_writing = threading.Lock()


def labels(library: Library, gallery: Gallery, run_id: int, query: Mapping[str, str]) -> Shown:
    """Shows the labels of a run that look wrong, or its copies.

    Args:
        library: of the store.
        gallery: of its photos.
        run_id: in the store.
        query: `kind`, `label` or `copy`; `open`, if not empty: only what is not decided, and the
            one numbered `also`, which was decided a moment ago.

    Raises:
        ConfigError: if there is no such run, or its photos are not recorded or gone.
        DataError: if the file of corrections is broken.
    """
    entry = library.entry(run_id)
    examples = gallery.examples(run_id)
    decided = read_corrections(_file(library))
    with library.reading() as opened:
        everything = doubts_of_run(opened.history, entry.run, examples, decided)
    kind = COPY if query.get("kind") == COPY else LABEL
    only_open = bool(query.get("open", ""))
    also = positive(query.get("also", ""))
    # The number of a doubt stays its own, whichever others are shown.
    numbered = enumerate((doubt for doubt in everything if doubt.kind == kind), 1)
    found = [(n, d) for n, d in numbered if not (only_open and d.decision and n != also)]
    leaks = gallery.leaks(run_id) if kind == COPY else None
    return Shown(
        "labels.html",
        {
            "run": run_as_data(entry),
            "kind": kind,
            "open": only_open,
            "counts": {name: sum(d.kind == name for d in everything) for name in (LABEL, COPY)},
            "doubts": [{"number": n, **_row(doubt)} for n, doubt in found[:_MOST_SHOWN]],
            "count": len(found),
            "classes": sorted({photo.label for photo in examples.photos}),
            "leaks": _leaks(leaks) if leaks else None,
            "saved": len(decided),
            "file": library.output.corrections,
            "command": _command(library, entry.run.head.record.get(run_record.DATA)),
        },
    )


def decide(library: Library, gallery: Gallery, run_id: int, form: Mapping[str, str]) -> None:
    """Saves a decision about a photo of a run.

    Args:
        library: of the store.
        gallery: of its photos.
        run_id: in the store.
        form: `sha256` and `path` of the photo; `decision`, one of `DECISIONS` or `undo`;
            `new_label`, where that is `relabel`.

    Raises:
        ConfigError: if the run has no such photo or class, there is no such decision, or it
            cannot be saved.
        DataError: if the file of corrections is broken.
    """
    examples = gallery.examples(run_id)
    asked = (form.get("sha256", ""), form.get("path", ""))
    # The path is only looked up: nothing is opened by it.
    photo = next((one for one in examples.photos if (one.sha256, one.path) == asked), None)
    if photo is None:
        raise ConfigError(f"Run {run_id} has no such photo; nothing was saved.")
    decision = form.get("decision", "")
    new_label = form.get("new_label", "") if decision == RELABEL else ""
    if decision not in {*DECISIONS, _UNDO}:
        raise ConfigError(f"There is no decision {decision!r}; nothing was saved.")
    if decision == RELABEL and new_label not in {one.label for one in examples.photos}:
        raise ConfigError(f"Run {run_id} has no class {new_label!r}; nothing was saved.")
    now = datetime.now(UTC).replace(microsecond=0)
    with _writing:
        file = _file(library)
        decided = read_corrections(file)
        if decision == _UNDO:
            decided = _taken_back(decided, photo)
        else:
            new = Correction(photo.path, photo.sha256, photo.label, decision, new_label, now)
            decided = with_correction(decided, new)
            if decision == LEAVE_OUT:
                decided = _keeping_copies(decided, photo, examples, now)
        write_corrections(file, decided)


def _file(library: Library) -> Path:
    file = library.output.corrections
    if file.is_symlink():
        raise DataError(
            f"{file} is a link, which this page does not follow; put the file itself there."
        )
    return file


def _keeping_copies(
    decided: list[Correction], photo: Photo, examples: ExampleSet, now: datetime
) -> list[Correction]:
    """Says of equal files that they stay, so that a photo is not lost with its last copy."""
    known = {(one.sha256, one.path) for one in decided}
    for one in examples.photos:
        is_copy = one.sha256 == photo.sha256 and one.path != photo.path
        if is_copy and (one.sha256, one.path) not in known:
            kept = Correction(one.path, one.sha256, one.label, KEEP, "", now)
            decided = with_correction(decided, kept)
    return decided


def _taken_back(decided: list[Correction], photo: Photo) -> list[Correction]:
    """Leaves out the decision about a file, and what was said with it of equal files."""
    own = [one for one in decided if (one.sha256, one.path) == (photo.sha256, photo.path)]
    times = {one.decided for one in own if one.decision == LEAVE_OUT and one.decided}
    said_with_it = [
        one
        for one in decided
        if one.sha256 == photo.sha256 and one.decision == KEEP and one.decided in times
    ]
    return [one for one in decided if one not in own and one not in said_with_it]


def _row(doubt: Doubt) -> dict[str, Any]:
    decision = doubt.decision
    return {
        **asdict(doubt.photo),
        "suggested": doubt.suggested,
        "confidence": doubt.confidence,
        "group": doubt.group,
        "others": doubt.others,
        "decision": decision.decision if decision else None,
        "new_label": decision.new_label if decision else None,
        "is_of_a_copy": bool(decision and decision.path != doubt.photo.path),
    }


def _leaks(found: Leaks) -> dict[str, Any]:
    """Returns the pictures that are in two splits, and what the model is worth without them."""
    return {
        "leaks": [asdict(leak) for leak in found.leaks[:_MOST_SHOWN]],
        "count": len(found.leaks),
        "accuracy": _share(found.accuracy),
        "without_leaks": _share(found.without_leaks),
    }


def _share(found: Share | None) -> dict[str, Any] | None:
    return {**asdict(found), "value": found.value} if found else None


def _command(library: Library, data: Any) -> str:
    place = shlex.quote(str(data)) if data else "PHOTOS"
    output = shlex.quote(str(library.output.root))
    return f"warmstart pipeline run --data {place} --output {output}"
