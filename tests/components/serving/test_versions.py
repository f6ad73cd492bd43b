"""Tests of the folder of pushed models: what is served after each change, and what is left."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from components.serving import versions
from components.serving.versions import (
    find_versions,
    is_withdrawn,
    next_number,
    place_in_service,
    promote,
    prune,
    roll_back,
    served,
    write_record,
)
from schemas.errors import ModelError


def push(models: Path, number: int, run_id: str | None = None) -> Path:
    folder = models / str(number)
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph %d" % number)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    if run_id:
        write_record(folder, number, run_id=run_id, accuracy=0.75)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    for number in (9, 10, 11):
        push(folder, number, f"run {number}")
    return folder


def numbers(models: Path) -> list[int]:
    return [version.number for version in find_versions(models) if not version.withdrawn]


def names(models: Path) -> set[str]:
    """Returns what lies in a folder, hidden or not, but for a lock."""
    return {path.name for path in models.iterdir()} - {".lock"}


def withdrawn(models: Path) -> list[int]:
    return [version.number for version in find_versions(models) if version.withdrawn]


def now_served(models: Path) -> int | None:
    version = served(find_versions(models))
    return version.number if version else None


def test_newest_is_first_by_number_and_served(models: Path) -> None:
    assert numbers(models) == [11, 10, 9]
    assert now_served(models) == 11


def test_version_says_where_it_comes_from(models: Path) -> None:
    newest = find_versions(models)[0]

    assert (newest.run_id, newest.accuracy, newest.withdrawn) == ("run 11", 0.75, False)
    assert abs((datetime.now(UTC) - newest.pushed_at).total_seconds()) < 60


def test_time_of_a_push_stays_when_files_are_copied(models: Path) -> None:
    newest = find_versions(models)[0]
    os.utime(newest.folder / "saved_model.pb", (0, 0))

    assert find_versions(models)[0].pushed_at == newest.pushed_at


def test_version_says_which_warmstart_pushed_it(models: Path) -> None:
    record = find_versions(models)[0].folder / "assets.extra" / "warmstart.json"

    assert json.loads(record.read_text())["warmstart"] == metadata.version("warmstart")


@pytest.mark.parametrize(
    "record",
    [None, "no JSON", "[]", '{"run_id": 3, "accuracy": "x", "pushed_at": 1}', '{"pushed_at": ""}'],
)
def test_version_without_a_readable_record_is_listed_with_the_time_of_its_file(
    tmp_path: Path, record: str | None
) -> None:
    folder = push(tmp_path, 1)
    if record:
        (folder / "assets.extra").mkdir()
        (folder / "assets.extra" / "warmstart.json").write_text(record)
    (version,) = find_versions(tmp_path)

    assert (version.run_id, version.accuracy) == (None, None)
    assert abs((datetime.now(UTC) - version.pushed_at).total_seconds()) < 60


def test_what_is_no_version_is_left_out(models: Path) -> None:
    (models / "12").mkdir()  # Without a model.
    (models / "README").write_text("mine")
    push(models / ".incoming", 13)

    assert numbers(models) == [11, 10, 9]


@pytest.mark.parametrize("content", ["missing", "empty", "file"])
def test_folder_without_models_is_an_error(tmp_path: Path, content: str) -> None:
    models = tmp_path / "models"
    if content == "empty":
        models.mkdir()
    if content == "file":
        models.write_text("mine")

    for act in (find_versions, roll_back, lambda m: prune(m, 1), lambda m: promote(m, 1)):
        with pytest.raises(ModelError, match="models"):
            act(models)


def test_rollback_serves_the_one_before_and_keeps_the_newest(models: Path) -> None:
    newest, before = roll_back(models)

    assert (newest.number, before.number) == (11, 10)
    assert now_served(models) == 10
    assert withdrawn(models) == [11]
    assert is_withdrawn(models / "11")
    assert not is_withdrawn(models / "10")
    assert not is_withdrawn(models / "5")


def test_rollback_goes_on_until_one_version_is_left(models: Path) -> None:
    roll_back(models)
    roll_back(models)

    with pytest.raises(ModelError, match="holds one version only, 9, so there is none"):
        roll_back(models)
    assert numbers(models) == [9]
    assert withdrawn(models) == [11, 10]


def test_withdrawn_versions_alone_serve_nothing(tmp_path: Path) -> None:
    push(tmp_path / ".withdrawn", 1)

    assert now_served(tmp_path) is None
    with pytest.raises(ModelError, match=f"^{tmp_path} holds no version in service"):
        roll_back(tmp_path)
    assert prune(tmp_path, 1) == []


def test_promoted_version_is_a_copy_with_the_highest_number(models: Path) -> None:
    now = promote(models, 9)

    assert now.number > 11
    assert now_served(models) == now.number
    assert numbers(models) == [now.number, 11, 10, 9]
    assert (now.folder / "saved_model.pb").read_bytes() == b"graph 9"
    assert (now.folder / "variables" / "variables.index").read_bytes() == b"index"
    assert (now.run_id, now.accuracy) == ("run 9", 0.75)
    record = json.loads((now.folder / "assets.extra" / "warmstart.json").read_text())
    assert record["version"] == now.number
    assert names(models) == {str(now.number), "11", "10", "9"}


def test_promotions_at_once_get_numbers_of_their_own(models: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda number: promote(models, number), [9, 10] * 10))

    assert len({version.number for version in made}) == 20
    assert numbers(models) == sorted((9, 10, 11, *(v.number for v in made)), reverse=True)


@pytest.mark.parametrize("year", [1970, 2000])
def test_clock_that_jumps_back_pushes_versions_that_are_newer_all_the_same(
    models: Path, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    before = promote(models, 9)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(year, 1, 1, tzinfo=tz)

    monkeypatch.setattr(versions, "datetime", Earlier)
    after = promote(models, 10)

    assert after.number == before.number + 1
    assert now_served(models) == after.number


def test_withdrawn_version_can_be_promoted(models: Path) -> None:
    roll_back(models)
    now = promote(models, 11)

    assert now_served(models) == now.number
    assert (now.folder / "saved_model.pb").read_bytes() == b"graph 11"


def test_place_of_a_version_follows_its_copies(models: Path) -> None:
    assert place_in_service(models / "9") == models / "9"
    assert place_in_service(models / "8") is None
    assert place_in_service(models / "missing" / "9") is None

    roll_back(models)
    assert place_in_service(models / "11") is None
    copy = promote(models, 11)
    assert (copy.copy_of, copy.folder) == (11, place_in_service(models / "11"))
    promote(models, 9)
    again = promote(models, copy.number)
    assert (again.copy_of, again.folder) == (11, place_in_service(models / "11"))


def test_promoting_what_is_served_changes_nothing(models: Path) -> None:
    assert promote(models, 11).number == 11
    assert numbers(models) == [11, 10, 9]


def test_promoting_an_unknown_version_names_those_there_are(models: Path) -> None:
    with pytest.raises(ModelError) as raised:
        promote(models, 12)

    assert str(raised.value) == (
        f"Version 12: {models} holds no such version; there are 11, 10, 9."
    )


def test_promotion_that_was_killed_is_made_up_for(models: Path) -> None:
    (models / ".promoting" / "variables").mkdir(parents=True)
    now = promote(models, 10)

    assert not (models / ".promoting").exists()
    assert (now.folder / "saved_model.pb").read_bytes() == b"graph 10"


def test_promotion_that_fails_halfway_serves_what_was_served(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(versions, "write_record", full)

    with pytest.raises(ModelError, match="No space left on device"):
        promote(models, 9)
    assert now_served(models) == 11


@pytest.mark.parametrize(
    ("keep", "removed", "left"),
    [(1, [10, 9], [11]), (2, [9], [11, 10]), (3, [], [11, 10, 9]), (9, [], [11, 10, 9])],
)
def test_pruning_removes_the_oldest(
    models: Path, keep: int, removed: list[int], left: list[int]
) -> None:
    assert [version.number for version in prune(models, keep)] == removed
    assert numbers(models) == left
    assert names(models) == set(map(str, left))


def test_pruning_removes_withdrawn_versions_older_than_all_that_are_kept(models: Path) -> None:
    roll_back(models)
    push(models, 12)
    push(models, 13)

    assert [version.number for version in prune(models, 3)] == [9]
    assert withdrawn(models) == [11]
    assert [version.number for version in prune(models, 2)] == [11, 10]
    assert (numbers(models), withdrawn(models)) == ([13, 12], [])


def test_pruning_that_was_killed_is_made_up_for(models: Path) -> None:
    push(models, 8).rename(models / ".removed-8")

    prune(models, 3)

    assert not (models / ".removed-8").exists()


def test_next_number_is_higher_than_that_of_any_version(models: Path) -> None:
    now = int(datetime.now(UTC).timestamp())
    assert now <= next_number(models) <= now + 60

    push(models / ".withdrawn", 9_000_000_000)
    assert next_number(models) == 9_000_000_001
