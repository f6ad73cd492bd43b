"""Which photos one model is right about and another is not."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from review.answers import Answer, Answers

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True)
class Flip:
    """A photo that both models were asked about.

    Attributes:
        old: what the first one said.
        new: what the second one said; the label may be another by then.
    """

    old: Answer
    new: Answer


@dataclass(frozen=True)
class Flips:
    """How two models differ on the photos that both were asked about.

    Attributes:
        newly_wrong: photos that only the first one is right about; the surest mistakes first.
        newly_right: photos that only the second one is right about, likewise.
        both_wrong: photos that neither is right about; the surest mistakes of the second first.
        both_right: how many photos both are right about.
        only_old: how many photos only the first one was asked about.
        only_new: how many photos only the second one was asked about.
        classes: of both, in the order of the second, then what only the first one knows.
        difference: photos of the second one's confusion matrix minus those of the first: of each
            class as labelled, of each class as said.
    """

    newly_wrong: tuple[Flip, ...]
    newly_right: tuple[Flip, ...]
    both_wrong: tuple[Flip, ...]
    both_right: int
    only_old: int
    only_new: int
    classes: tuple[str, ...]
    difference: tuple[tuple[int, ...], ...]


def flips(old: Answers, new: Answers) -> Flips:
    """Compares what two models said.

    A photo is known by its content, and by its path where that is not recorded: a photo that was
    only renamed is the same. Each model is judged by the label that the photo had then.
    """
    pairs = list(_pairs(old.rows, new.rows))
    by_outcome: dict[tuple[bool, bool], list[Flip]] = defaultdict(list)
    for pair in pairs:
        by_outcome[pair.old.right, pair.new.right].append(pair)
    classes = tuple(dict.fromkeys((*new.classes, *old.classes, *_labels(pairs))))
    change: Counter[tuple[str, str]] = Counter((p.new.label, p.new.said) for p in pairs)
    change.subtract((pair.old.label, pair.old.said) for pair in pairs)
    return Flips(
        newly_wrong=_surest(by_outcome[True, False], lambda pair: pair.new.confidence),
        newly_right=_surest(by_outcome[False, True], lambda pair: pair.old.confidence),
        both_wrong=_surest(by_outcome[False, False], lambda pair: pair.new.confidence),
        both_right=len(by_outcome[True, True]),
        only_old=len(old.rows) - len(pairs),
        only_new=len(new.rows) - len(pairs),
        classes=classes,
        difference=tuple(tuple(change[label, said] for said in classes) for label in classes),
    )


def sign_test(newly_wrong: int, newly_right: int) -> float:
    """Returns how likely flips are at least as one-sided as these, if both models are as good.

    McNemar's test in its exact form: Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages", Psychometrika 12 (1947), 153-157,
    https://doi.org/10.1007/BF02295996.

    Args:
        newly_wrong: photos that only the first model is right about.
        newly_right: photos that only the second one is right about.

    Returns:
        The two-sided probability, in (0, 1].
    """
    count, fewer = newly_wrong + newly_right, min(newly_wrong, newly_right)
    # In whole numbers: of thousands of photos, each share would be rounded to nothing.
    tail = sum(math.comb(count, number) for number in range(fewer + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**count)))


def _pairs(old: Sequence[Answer], new: Sequence[Answer]) -> Iterator[Flip]:
    """Brings together what was said of the same photo, each at most once."""
    by_content = _grouped(old, new, lambda row: row.sha256)
    paired: set[int] = set()
    for content, (before, after) in by_content.items():
        if content:
            for pair in _of_copies(before, after):
                paired.update((id(pair.old), id(pair.new)))
                yield pair
    # Two that were both recorded, and differ, are two photos under one path.
    left_old, left_new = ([row for row in rows if id(row) not in paired] for rows in (old, new))
    for before, after in _grouped(left_old, left_new, lambda row: row.path).values():
        for pair in _of_copies(before, after):
            if not (pair.old.sha256 and pair.new.sha256):
                yield pair


def _of_copies(old: Sequence[Answer], new: Sequence[Answer]) -> Iterator[Flip]:
    """Pairs copies of a photo: those at the same place first, the others in their order."""
    groups = _grouped(old, new, lambda row: (row.path, row.label)).values()
    for before, after in groups:
        yield from map(Flip, before, after)
    yield from map(
        Flip,
        (row for before, after in groups for row in before[len(after) :]),
        (row for before, after in groups for row in after[len(before) :]),
    )


def _grouped(
    old: Iterable[Answer], new: Iterable[Answer], key: Callable[[Answer], _Key]
) -> dict[_Key, tuple[list[Answer], list[Answer]]]:
    groups: dict[_Key, tuple[list[Answer], list[Answer]]] = defaultdict(lambda: ([], []))
    for place, rows in enumerate((old, new)):
        for row in rows:
            groups[key(row)][place].append(row)
    return groups


def _labels(pairs: Iterable[Flip]) -> Iterator[str]:
    """Yields the labels, which a model need not know."""
    for pair in pairs:
        yield from (pair.old.label, pair.new.label)


def _surest(pairs: Iterable[Flip], confidence: Callable[[Flip], float]) -> tuple[Flip, ...]:
    return tuple(sorted(pairs, key=lambda pair: (-confidence(pair), pair.new.path)))
