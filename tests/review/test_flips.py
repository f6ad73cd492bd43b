"""Tests of which photos two models differ in."""

from __future__ import annotations

import pytest

from review.answers import Answer, Answers
from review.flips import flips, sign_test

CLASSES = ("bad", "ok")


def answer(path: str, said: str, confidence: float = 0.75, sha256: str = "") -> Answer:
    label = path.split("/", maxsplit=1)[0]
    return Answer(path, label, said, confidence, (confidence, 1 - confidence), sha256)


def answers(*rows: Answer, classes: tuple[str, ...] = CLASSES) -> Answers:
    return Answers(classes, rows)


def paths(found: object) -> list[str]:
    return [pair.new.path for pair in found]  # type: ignore[attr-defined]


def test_each_outcome_is_told_the_surest_first() -> None:
    old = answers(
        answer("ok/1", "ok"),
        answer("ok/2", "ok"),
        answer("ok/3", "bad", 0.6),
        answer("ok/4", "bad", 0.9),
        answer("bad/5", "ok"),
        answer("bad/6", "bad"),
    )
    new = answers(
        answer("ok/1", "bad", 0.6),
        answer("ok/2", "bad", 0.9),
        answer("ok/3", "ok"),
        answer("ok/4", "ok"),
        answer("bad/5", "ok"),
        answer("bad/6", "bad"),
    )

    found = flips(old, new)

    assert paths(found.newly_wrong) == ["ok/2", "ok/1"]
    assert paths(found.newly_right) == ["ok/4", "ok/3"]
    assert paths(found.both_wrong) == ["bad/5"]
    assert (found.both_right, found.only_old, found.only_new) == (1, 0, 0)


def test_difference_counts_only_photos_that_both_saw() -> None:
    old = answers(answer("ok/1", "ok"), answer("ok/2", "bad"), answer("bad/3", "ok"))
    new = answers(answer("ok/1", "bad"), answer("bad/3", "bad"), answer("bad/4", "ok"))

    found = flips(old, new)

    assert found.classes == CLASSES
    assert found.difference == ((1, -1), (1, -1))
    assert (found.only_old, found.only_new) == (1, 1)


def test_photo_is_known_by_its_content_and_not_by_its_place() -> None:
    old = answers(answer("ok/1", "ok", sha256="a"), answer("ok/2", "ok", sha256="b"))
    new = answers(answer("ok/9", "bad", sha256="a"), answer("ok/2", "bad", sha256="c"))

    found = flips(old, new)

    assert [(pair.old.path, pair.new.path) for pair in found.newly_wrong] == [("ok/1", "ok/9")]
    assert (found.only_old, found.only_new) == (1, 1)


def test_photo_whose_content_is_not_recorded_is_known_by_its_place() -> None:
    old = answers(answer("ok/1", "ok"), answer("ok/2", "ok", sha256="b"))
    new = answers(answer("ok/1", "bad", sha256="a"), answer("ok/2", "bad"))

    assert paths(flips(old, new).newly_wrong) == ["ok/1", "ok/2"]


def test_copies_are_paired_at_their_places_first() -> None:
    old = answers(*(answer(f"ok/{n}", "ok", sha256="a") for n in (1, 2, 3)))
    new = answers(*(answer(f"ok/{n}", "bad", sha256="a") for n in (3, 4)))

    found = flips(old, new)

    places = [(pair.old.path, pair.new.path) for pair in found.newly_wrong]
    assert places == [("ok/3", "ok/3"), ("ok/1", "ok/4")]
    assert (found.only_old, found.only_new) == (1, 0)


def test_each_model_is_judged_by_the_label_of_its_time() -> None:
    old = answers(answer("ok/1", "ok", sha256="a"))
    new = answers(answer("bad/1", "ok", sha256="a"))

    found = flips(old, new)

    assert paths(found.newly_wrong) == ["bad/1"]
    assert found.difference == ((0, 1), (0, -1))


def test_classes_of_both_models_are_told() -> None:
    old = answers(answer("old/1", "old", sha256="a"), classes=("old", "ok"))
    new = answers(answer("ok/1", "new", sha256="a"), classes=("new", "ok"))

    found = flips(old, new)

    assert found.classes == ("new", "ok", "old")
    assert found.difference == ((0, 0, 0), (1, 0, 0), (0, 0, -1))


def test_models_that_were_asked_nothing_differ_in_nothing() -> None:
    found = flips(answers(), answers())

    assert (found.newly_wrong, found.both_right, found.difference) == ((), 0, ((0, 0), (0, 0)))


@pytest.mark.parametrize(
    ("newly_wrong", "newly_right", "probability"),
    [(0, 0, 1.0), (0, 1, 1.0), (4, 4, 1.0), (2, 9, 0.0654296875), (8, 0, 0.0078125)],
)
def test_sign_test_is_two_sided_and_exact(
    newly_wrong: int, newly_right: int, probability: float
) -> None:
    assert sign_test(newly_wrong, newly_right) == probability
    assert sign_test(newly_right, newly_wrong) == probability


def test_sign_test_of_thousands_of_flips_needs_no_large_floats() -> None:
    assert 0 <= sign_test(3, 4000) < 1e-300
    assert sign_test(2000, 2001) == 1.0
