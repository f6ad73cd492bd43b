"""Two to five runs side by side: differences first, and what is equal not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from review.answers import Answers
from review.comparison import Comparison, compare
from review.data_profile import DataProfile, profile_of
from review.differences import Difference, shown
from review.flips import Flip, flips, sign_test
from review.library import Entry, Library
from review.page.gallery import Gallery
from review.page.shown import Shown
from review.page.views.mistakes import LARGEST_MATRIX, tile
from review.page.views.run import run_as_data
from review.records import Value
from schemas.errors import ConfigError

MOST = 5

# Of the photos in one list.
_MOST_SHOWN = 12


def comparison(
    library: Library, gallery: Gallery, run_ids: Sequence[int], base: int | None = None
) -> Shown:
    """Compares runs with one of them.

    Args:
        library: of the store.
        gallery: of its photos.
        run_ids: in the store, two to five.
        base: the one that the others are compared with; by default the oldest.

    Raises:
        ConfigError: if there are fewer or more, or one is not there.
    """
    # Whoever chooses from a list, the newest on top, wants to know what came of a change.
    run_ids = sorted(set(run_ids), key=lambda number: (number != base, number))
    if not 2 <= len(run_ids) <= MOST:
        raise ConfigError(
            f"Choose two to {MOST} different runs to compare; these are {len(run_ids)}."
        )
    first, *others = [library.entry(run_id) for run_id in run_ids]
    with library.reading() as opened:
        pairs = [compare(opened.history, first.run, other.run) for other in others]
        profiles = [profile_of(opened.history, entry.run) for entry in (first, *others)]
    return Shown(
        "compare.html",
        {
            "runs": [run_as_data(entry) for entry in (first, *others)],
            "configuration": _table([pair.configuration for pair in pairs]),
            "code": _table([pair.code for pair in pairs]),
            "photos": [
                {"run": other.run.name, "place": pair.data, "changes": pair.photos}
                for other, pair in zip(others, pairs, strict=True)
            ],
            "classes": _classes(profiles),
            "medians": _rows([profile.medians for profile in profiles]),
            "schema": [pair.schema for pair in pairs],
            "metrics": _metrics(first, pairs),
            "answers": [_answers(gallery, first, other) for other in others],
            "components": _timings(pairs),
        },
        {"largest_matrix": LARGEST_MATRIX},
    )


def _answers(gallery: Gallery, first: Entry, other: Entry) -> dict[str, Any] | None:
    """Returns the photos that two models say something else of; None if that is not recorded."""
    old, new = (gallery.answers(entry.run.head.id) for entry in (first, other))
    if old is None or new is None:
        return None
    found = flips(old, new)
    return {
        "run": other.run.head.id,
        "first_run": first.run.head.id,
        "newly_wrong": _tiles(found.newly_wrong, new),
        "newly_right": _tiles(found.newly_right, new),
        "newly_wrong_count": len(found.newly_wrong),
        "newly_right_count": len(found.newly_right),
        "both_wrong_count": len(found.both_wrong),
        "both_right_count": found.both_right,
        "only_first": found.only_old,
        "only_other": found.only_new,
        "classes": found.classes,
        "difference": found.difference,
        "p": sign_test(len(found.newly_wrong), len(found.newly_right)),
    }


def _tiles(found: Sequence[Flip], answers: Answers) -> list[dict[str, Any]]:
    return [
        {**tile(flip.new, answers), "said_before": flip.old.said} for flip in found[:_MOST_SHOWN]
    ]


def _table(columns: Sequence[tuple[Difference, ...] | None]) -> list[dict[str, Any]] | None:
    """Returns the values of each key that differs anywhere, from the first run to the last."""
    if None in columns:
        return None
    found = [{one.key: one for one in column} for column in columns if column is not None]
    keys = sorted({key for column in found for key in column})
    rows = []
    for key in keys:
        first = next(column[key].old for column in found if key in column)
        rest = [column[key].new if key in column else first for column in found]
        rows.append({"key": key, "values": [first, *rest]})
    return rows


def _classes(profiles: Sequence[DataProfile]) -> list[dict[str, Any]] | None:
    """Returns the classes whose share of the photos differs, with count and share in each run."""
    totals = [sum(profile.classes.values()) for profile in profiles]
    return _rows(
        [
            {name: f"{count} ({count / total:.0%})" for name, count in profile.classes.items()}
            for profile, total in zip(profiles, totals, strict=True)
        ]
    )


def _rows(columns: Sequence[Mapping[str, Value]]) -> list[dict[str, Any]] | None:
    """Returns the values of each key that are not equal in all runs; None if a run has none."""
    if not all(columns):
        return None
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = [{"key": key, "values": [column.get(key) for column in columns]} for key in keys]
    return [row for row in rows if len({shown(value) for value in row["values"]}) > 1]


def _metrics(first: Entry, pairs: Sequence[Comparison]) -> list[dict[str, Any]]:
    names = dict.fromkeys(gain.name for pair in pairs for gain in pair.metrics)
    gains = [{gain.name: gain for gain in pair.metrics} for pair in pairs]
    return [
        {
            "name": name,
            "first": (first.results.metrics or {}).get(name),
            "gains": [column.get(name) for column in gains],
        }
        for name in names
    ]


def _timings(pairs: Sequence[Comparison]) -> list[dict[str, Any]]:
    names = dict.fromkeys(timing.node for pair in pairs for timing in pair.timings)
    found = [{timing.node: timing for timing in pair.timings} for pair in pairs]
    return [{"node": name, "timings": [column.get(name) for column in found]} for name in names]
