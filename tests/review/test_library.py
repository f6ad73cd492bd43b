"""Tests of a store that is read again and again while it changes."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_store import CACHED, EXECUTED, FAILED, RUNNING, MadeStore
from waiting import wait_for_tick

from review.history import History
from review.library import Library
from review.records import RunHead
from schemas import run_record
from schemas.errors import ConfigError, PipelineError


class Reads:
    """Counts which runs are read from the store, by their names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        original = History.read

        def read(history: History, heads: list[RunHead]) -> object:
            heads = list(heads)
            self.names += [head.name for head in heads]
            return original(history, heads)

        monkeypatch.setattr(History, "read", read)

    def taken(self) -> list[str]:
        """Returns the names since the last call."""
        names, self.names = sorted(self.names), []
        return names


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """Three runs: one that ended, one that goes on, and a later one."""
    made = MadeStore(tmp_path)
    made.execution("ended", "Trainer")
    made.execution("goes on", "Trainer", state=RUNNING)
    made.execution("latest", "Trainer")
    return made


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def end(made: MadeStore, run: str, state: object = EXECUTED, **record: str) -> None:
    """Ends the execution of a run, or adds to it."""
    context = made.store.get_context_by_type_and_name("pipeline_run", run)
    (execution,) = made.store.get_executions_by_context(context.id)
    execution.last_known_state = state
    for name, text in record.items():
        execution.custom_properties[name].string_value = text
    wait_for_tick(made.output.root)
    made.store.put_executions([execution])


def states(library: Library) -> dict[str, str]:
    return {e.run.name: e.run.state for e in library.entries(library.heads())}


def test_nothing_is_read_twice_while_the_store_stays_the_same(
    made: MadeStore, reads: Reads
) -> None:
    library = Library(made.output)
    assert states(library) == {"ended": "succeeded", "goes on": "unfinished", "latest": "succeeded"}
    assert reads.taken() == ["ended", "goes on", "latest"]

    states(library)

    assert reads.taken() == []


def test_run_that_ended_is_read_once_and_one_that_goes_on_anew(
    made: MadeStore, reads: Reads
) -> None:
    library = Library(made.output)
    states(library)
    reads.taken()

    end(made, "goes on")

    assert states(library)["goes on"] == "succeeded"
    assert reads.taken() == ["goes on", "latest"]


def test_what_the_latest_run_records_after_its_end_is_seen(made: MadeStore) -> None:
    """The record of a component is written after TFX has ended it: a page may ask in between."""
    end(made, "latest", FAILED)
    library = Library(made.output)
    (latest, *_) = library.heads()
    assert run_record.ERROR not in library.entry(latest.id).run.executions[0].record

    end(made, "latest", FAILED, **{run_record.ERROR: "It broke."})

    assert library.entry(latest.id).run.executions[0].record[run_record.ERROR] == "It broke."


def test_what_the_latest_run_records_is_seen_though_another_began(made: MadeStore) -> None:
    end(made, "latest", FAILED)
    library = Library(made.output)
    number = library.heads()[0].id
    library.entry(number)

    end(made, "latest", FAILED, **{run_record.ERROR: "It broke."})
    made.execution("newer", "Trainer", state=RUNNING)

    assert library.entry(number).run.executions[0].record[run_record.ERROR] == "It broke."


def test_new_run_appears_and_a_removed_one_is_gone(made: MadeStore) -> None:
    library = Library(made.output)
    ended = next(head.id for head in library.heads() if head.name == "ended")
    library.entry(ended)

    wait_for_tick(made.output.root)
    made.execution("new", "Trainer")
    made.context("pipeline_run", "ended", **{run_record.DELETED: "today"})

    assert [head.name for head in library.heads()] == ["new", "latest", "goes on"]
    with pytest.raises(ConfigError) as refused:
        library.entry(ended)
    assert str(refused.value) == (
        f"Run {ended} is not in the store; it was removed, or is of another folder."
    )


def test_run_that_vanishes_between_two_looks_is_told_to_be_gone(made: MadeStore) -> None:
    library = Library(made.output)
    number = library.heads()[-1].id

    class Replaced(Library):
        """A library whose store loses its runs after the heads were read."""

        def entries(self, heads: object) -> list[object]:  # type: ignore[override]
            made.context("pipeline_run", "ended", **{run_record.DELETED: "today"})
            return super().entries(heads)  # type: ignore[arg-type,return-value]

    replaced = Replaced(made.output)
    replaced.heads()
    with pytest.raises(ConfigError, match=f"^Run {number} is not in the store"):
        replaced.entry(number)


def test_reasons_are_found_once_and_anew_when_the_store_changes(
    made: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import review.library as module

    asked: list[str] = []
    original = module.explain

    def explain(history: History, run: object) -> object:
        asked.append(run.name)  # type: ignore[attr-defined]
        return original(history, run)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "explain", explain)
    library = Library(made.output)
    run = library.entry(library.heads()[0].id).run

    assert library.why(run) == library.why(run)
    assert asked == ["latest"]
    wait_for_tick(made.output.root)
    made.execution("new", "Trainer")
    library.why(run)
    assert asked == ["latest", "latest"]


def test_reasons_are_those_of_as_many_components_as_are_known(made: MadeStore) -> None:
    """A run went on between two reads of one page; who asked next lacked its new component."""
    library = Library(made.output)
    before = library.entry(library.heads()[0].id).run
    wait_for_tick(made.output.root)
    made.execution("latest", "Evaluator")

    assert set(library.why(before)) == {"Trainer"}
    after = library.entry(before.head.id).run
    assert set(library.why(after)) == {"Trainer", "Evaluator"}


def test_age_of_what_was_reused_grows_while_the_store_stays_the_same(
    made: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = made.execution("one", "T", outputs={"model": made.artifact("Model", "T/model/1", {})})
    made.execution("two", "T", outputs={"model": made.known(model[0])}, state=CACHED)
    library = Library(made.output)
    run = library.entry(library.heads()[0].id).run
    assert ", less than a minute old; " in library.why(run)["T"].sentence

    later = datetime.now(UTC) + timedelta(hours=2)
    moment, clock = SimpleNamespace(now=lambda _: later), time.monotonic() + 7200
    monkeypatch.setattr("review.why.datetime", moment)
    monkeypatch.setattr("review.library.time", SimpleNamespace(monotonic=lambda: clock))

    assert ", 2 hours old; " in library.why(run)["T"].sentence


def test_pushed_version_that_is_removed_is_gone_though_the_store_stays_the_same(
    made: MadeStore, tmp_path: Path
) -> None:
    place = tmp_path / "models" / "7"
    place.mkdir(parents=True)
    artifact = made.artifact(
        "PushedModel", "P/pushed/1", {}, pushed=1, pushed_destination=str(place)
    )
    made.execution("pushes", "Pusher", outputs={"pushed_model": artifact})
    library = Library(made.output)
    number = library.heads()[0].id
    assert library.entry(number).results.is_there

    place.rmdir()

    assert not library.entry(number).results.is_there


def test_component_that_failed_and_ran_again_in_the_same_run_counts_once(made: MadeStore) -> None:
    made.execution("in a notebook", "Trainer", state=FAILED)
    made.execution("in a notebook", "Trainer")

    library = Library(made.output)
    run = library.entry(library.heads()[0].id).run

    assert run.state == "succeeded"
    assert (run.count("executed"), run.count("failed")) == (1, 0)


def test_earlier_run_that_a_notebook_goes_on_with_is_read_anew(made: MadeStore) -> None:
    """It had no component that was left to do, and a later run was begun meanwhile."""
    library = Library(made.output)
    assert states(library)["ended"] == "succeeded"
    library.entries(library.heads())
    wait_for_tick(made.output.root)
    made.execution("ended", "Evaluator", state=FAILED)

    assert states(library)["ended"] == "failed"


def test_store_that_is_replaced_by_another_is_read_anew(made: MadeStore, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = MadeStore(tmp_path / "other")
    other.execution("of another store", "Trainer")
    library = Library(made.output)
    assert len(library.heads()) == 3

    shutil.copy(other.output.metadata, tmp_path / "copy")
    (tmp_path / "copy").replace(made.output.metadata)

    assert states(library) == {"of another store": "succeeded"}


def test_store_that_is_removed_and_comes_back_is_told(made: MadeStore, tmp_path: Path) -> None:
    library = Library(made.output)
    library.heads()
    kept = tmp_path / "kept"
    made.output.metadata.rename(kept)

    with pytest.raises(ConfigError) as refused:
        library.heads()
    assert str(refused.value) == (
        f"--output {tmp_path} holds no run (no metadata.sqlite); run the pipeline first, with "
        "`warmstart pipeline run`, or name the folder that it wrote to."
    )
    assert library.version() is None

    kept.rename(made.output.metadata)
    assert len(library.heads()) == 3


def test_store_that_breaks_is_told_and_read_again_once_it_is_whole(made: MadeStore) -> None:
    library = Library(made.output)
    states(library)
    whole = made.output.metadata.read_bytes()
    made.output.metadata.write_bytes(b"no database" * 400)

    with pytest.raises(PipelineError) as refused:
        library.heads()
    assert str(refused.value) == (
        f"{made.output.metadata} cannot be read (file is not a database); it is damaged or no "
        "store of ML Metadata: "
        f"`warmstart doctor --repair --output {made.output.root}` puts back the copy from "
        "before the latest run."
    )

    wait_for_tick(made.output.root)
    made.output.metadata.write_bytes(whole)
    assert len(states(library)) == 3


def test_store_that_is_locked_while_it_is_open_asks_to_wait(
    made: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.store._PATIENCE", 0.2)
    library = Library(made.output)
    library.heads()
    with closing(sqlite3.connect(made.output.metadata)) as database:
        database.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()

        with pytest.raises(PipelineError) as refused, library.reading() as opened:
            opened.history.artifact_types()

        assert time.monotonic() - started < 5
        assert "(database is locked); wait for the run that is writing" in str(refused.value)
        database.rollback()
    with library.reading() as opened:
        assert opened.history.artifact_types() == []


def test_many_threads_ask_while_a_run_goes_on(made: MadeStore) -> None:
    library = Library(made.output)
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            made.execution(f"new {written}", "Trainer")
            written += 1
            stop.wait(0.1)

    def ask(number: int) -> int:
        found = states(library)
        run = library.entry(library.heads()[number % 3].id).run
        assert set(library.why(run)) == {"Trainer"}
        return len(found)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            counts = list(pool.map(ask, range(24)))
    finally:
        stop.set()
        writer.join()

    assert min(counts) >= 3
    assert len(states(library)) == 3 + written


def test_reading_ahead_reads_all_and_stops_when_told(made: MadeStore, reads: Reads) -> None:
    for number in range(45):
        made.execution(f"run {number}", "Trainer")
    asked = iter([False, True])
    library = Library(made.output)

    library.read_ahead(lambda: next(asked))
    assert len(reads.taken()) == 20

    library.read_ahead(lambda: False)
    assert len(reads.taken()) == 28
    assert len(library.entries(library.heads())) == 48
    assert reads.taken() == []


def test_reading_ahead_of_no_store_is_nothing(tmp_path: Path) -> None:
    from pipelines.folders import OutputFolders

    Library(OutputFolders(tmp_path)).read_ahead(lambda: False)


def test_store_of_ml_metadata_of_another_version_is_refused(made: MadeStore) -> None:
    with closing(sqlite3.connect(made.output.metadata)) as database, database:
        database.execute("UPDATE MLMDEnv SET schema_version = 99")

    with pytest.raises(PipelineError, match="was written by ML Metadata with schema version 99"):
        Library(made.output).heads()
