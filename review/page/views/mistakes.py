"""What the model of a run said of the evaluation photos: mistakes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from review.answers import Answer, Answers
from review.library import Library
from review.page.gallery import Gallery
from review.page.shown import Shown, page_number
from review.page.views.run import run_as_data
from schemas.errors import ConfigError

_ON_A_PAGE = 24

# A matrix of more classes is no longer read: the pairs are listed instead.
LARGEST_MATRIX = 20
_MOST_PAIRS = 30

# Of the classes of one photo.
_MOST_CLASSES = 3

# Of the training photos beside a mistake.
_MOST_NEIGHBOURS = 3

# Photos of a class as labelled, by the class that they were taken for.
_Counts = Counter[tuple[str, str]]

_ORDERS = ("surest first", "least sure first")


def mistakes(library: Library, gallery: Gallery, run_id: int, query: Mapping[str, str]) -> Shown:
    """Shows what a model said of photos that it did not learn from.

    Args:
        library: of the store.
        gallery: of its photos.
        run_id: in the store.
        query: `label` and `said`, classes; `show`: `all`, or by default mistakes only, unless a
            cell of the matrix is asked for; `order`: `least sure first`; `page`, from 1.

    Raises:
        ConfigError: if there is no such run, or its model was not evaluated, or the table is gone.
    """
    entry = library.entry(run_id)
    answers = gallery.answers(run_id)
    if answers is None:
        raise ConfigError(
            f"What the model of run {entry.run.name} said of photos is not recorded, or gone."
        )
    asked = {name: query.get(name, "") for name in ("label", "said", "show", "order")}
    rows = _asked_for(answers, asked)
    number = page_number(query)
    counts = Counter((row.label, row.said) for row in answers.rows)
    wrong = sum(not row.right for row in answers.rows)
    return Shown(
        "mistakes.html",
        {
            "run": run_as_data(entry),
            "classes": answers.classes,
            "matrix": _matrix(answers.classes, counts),
            "pairs": _pairs(counts),
            "answers": [
                {**tile(row, answers), **_explained(gallery, run_id, row)}
                for row in rows[(number - 1) * _ON_A_PAGE : number * _ON_A_PAGE]
            ],
            "count": len(rows),
            "wrong": wrong,
            "all": len(answers.rows),
            "asked": asked,
            "page": number,
            "pages": max(1, -(-len(rows) // _ON_A_PAGE)),
        },
        {"orders": _ORDERS, "is_small": len(answers.classes) <= LARGEST_MATRIX},
    )


def tile(row: Answer, answers: Answers) -> dict[str, Any]:
    """Returns a photo with the most probable classes, and its own."""
    ranked = sorted(zip(answers.classes, row.probabilities, strict=False), key=lambda one: -one[1])
    shown = ranked[:_MOST_CLASSES]
    shown += [one for one in ranked[_MOST_CLASSES:] if one[0] == row.label]
    return {
        "path": row.path,
        "label": row.label,
        "said": row.said,
        "confidence": row.confidence,
        "right": row.right,
        "sha256": row.sha256,
        "probabilities": [{"label": label, "probability": share} for label, share in shown],
        # What a page may add.
        "said_before": None,
        "has_heat_map": False,
        "nearest": [],
    }


def _explained(gallery: Gallery, run_id: int, row: Answer) -> dict[str, Any]:
    """Returns what helps to understand a mistake: where the model looked, and what it learnt from.

    Of photos that it is right about nothing is looked up.
    """
    if not row.sha256 or row.right:
        return {}
    nearest = gallery.nearest(run_id, row.sha256, _MOST_NEIGHBOURS)
    return {
        "has_heat_map": gallery.heat_map(run_id, row.sha256) is not None,
        "nearest": [{**asdict(one.photo), "similarity": one.similarity} for one in nearest],
    }


def _asked_for(answers: Answers, asked: Mapping[str, str]) -> Sequence[Answer]:
    of_a_cell = asked["label"] and asked["said"]
    found = [
        row
        for row in answers.rows
        if asked["label"] in {"", row.label}
        and asked["said"] in {"", row.said}
        and (of_a_cell or asked["show"] == "all" or not row.right)
    ]
    sign = 1 if asked["order"] == _ORDERS[1] else -1
    return sorted(found, key=lambda row: (sign * row.confidence, row.path))


def _matrix(classes: Sequence[str], counts: _Counts) -> list[dict[str, Any]]:
    return [
        {"label": label, "said": [counts[label, said] for said in classes]} for label in classes
    ]


def _pairs(counts: _Counts) -> list[dict[str, Any]]:
    """Returns which class was taken for which, the most often first."""
    wrong = [(pair, count) for pair, count in counts.most_common() if pair[0] != pair[1]]
    return [
        {"label": label, "said": said, "photos": count}
        for (label, said), count in wrong[:_MOST_PAIRS]
    ]
