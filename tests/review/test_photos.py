"""Tests of which photos two runs differ in."""

from __future__ import annotations

from review.photos import Photo, PhotoChanges, Relabelled, photo_changes


def photo(path: str, content: str, split: str = "train") -> Photo:
    return Photo(path, path.split("/", maxsplit=1)[0], split, content)


def test_equal_photos_differ_in_nothing() -> None:
    photos = [photo("ok/1", "a"), photo("ok/2", "a"), photo("bad/3", "b")]

    assert photo_changes(photos, photos[::-1]) == PhotoChanges()
    assert PhotoChanges().sentence == ""


def test_each_kind_of_change_is_told() -> None:
    old = [photo("ok/1", "a"), photo("ok/2", "b"), photo("ok/3", "c"), photo("ok/4", "d")]
    new = [photo("ok/1", "a"), photo("bad/2", "b"), photo("ok/4", "d", "eval"), photo("ok/5", "e")]

    found = photo_changes(old, new)

    assert found == PhotoChanges(
        added=("ok/5",),
        removed=("ok/3",),
        relabelled=(Relabelled("bad/2", "ok", "bad"),),
        moved=("ok/4",),
    )
    assert found.sentence == "1 added, 1 removed, 1 relabelled, 1 in another split"


def test_photo_that_was_only_renamed_is_the_same() -> None:
    assert photo_changes([photo("ok/1", "a")], [photo("ok/9", "a")]) == PhotoChanges()


def test_photo_whose_content_was_replaced_is_another() -> None:
    found = photo_changes([photo("ok/1", "a")], [photo("ok/1", "b")])

    assert found == PhotoChanges(added=("ok/1",), removed=("ok/1",))


def test_second_copy_is_added() -> None:
    old = [photo("ok/1", "a")]

    assert photo_changes(old, [*old, photo("ok/2", "a")]) == PhotoChanges(added=("ok/2",))
