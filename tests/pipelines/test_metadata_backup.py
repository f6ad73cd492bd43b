"""Tests that a store which breaks can be put back as it was before the run."""

from __future__ import annotations

import re
import resource
import signal
from pathlib import Path

import pytest
from made_store import MadeStore

from pipelines.folders import OutputFolders
from pipelines.metadata_backup import back_up, backup_file, damage, restore
from pipelines.metadata_store import opened
from schemas.errors import ConfigError, PipelineError


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    made = MadeStore(tmp_path)
    made.context("pipeline_run", "first")
    return made


def runs(output: OutputFolders) -> list[str]:
    return [context.name for context in opened(output).get_contexts_by_type("pipeline_run")]


def test_store_that_breaks_is_put_back_as_it_was_before_the_run(made: MadeStore) -> None:
    output = made.output
    back_up(output)
    made.context("pipeline_run", "second")
    broken = b"not a database" * 100
    output.metadata.write_bytes(broken)

    said = restore(output)

    assert runs(output) == ["first"]
    (kept,) = output.root.glob("metadata.sqlite.damaged-*")
    assert kept.read_bytes() == broken
    assert said.startswith(f"{output.metadata} is as it was before the run of ")
    assert f"; the damaged one is kept as {kept.name}. Runs since then" in said


def test_copy_is_made_while_others_read(made: MadeStore) -> None:
    reader = opened(made.output)
    reader.get_contexts()

    back_up(made.output)

    assert damage(backup_file(made.output)) == ""


@pytest.mark.parametrize(
    ("spoil", "trouble"),
    [
        (lambda content: b"not a database" * 100, "file is not a database"),
        (lambda content: content[:20000], "database disk image is malformed"),
    ],
    ids=["of another kind", "cut off"],
)
def test_damaged_store_stops_the_run_and_never_replaces_the_copy(
    made: MadeStore, spoil: object, trouble: str
) -> None:
    assert callable(spoil)
    back_up(made.output)
    copy = backup_file(made.output).read_bytes()
    made.output.metadata.write_bytes(spoil(made.output.metadata.read_bytes()))

    with pytest.raises(PipelineError) as stopped:
        back_up(made.output)

    assert str(stopped.value) == (
        f"{made.output.metadata} is damaged ({trouble}); `warmstart doctor --repair --output "
        f"{made.output.root}` puts back the copy from before the latest run."
    )
    assert backup_file(made.output).read_bytes() == copy
    assert list(made.output.root.glob(".*partial")) == []


def test_copy_that_cannot_be_written_is_told_and_the_one_before_stays(made: MadeStore) -> None:
    """As on a disk that is full: the store is sound, and nothing is to be repaired."""
    back_up(made.output)
    backup = backup_file(made.output)
    copy = backup.read_bytes()
    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        with pytest.raises(PipelineError) as stopped:
            back_up(made.output)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, signal_before)

    assert re.fullmatch(
        rf"{backup} cannot be written \((disk I/O error|database or disk is full)\); make room or "
        "make the folder writable, and run the same command again.",
        str(stopped.value),
    )
    assert backup.read_bytes() == copy
    assert list(made.output.root.glob(".*partial")) == []


def test_page_that_was_overwritten_within_is_noticed(made: MadeStore) -> None:
    content = bytearray(made.output.metadata.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    made.output.metadata.write_bytes(content)

    with pytest.raises(PipelineError, match="is damaged"):
        back_up(made.output)


def test_store_that_is_sound_is_left_alone(made: MadeStore) -> None:
    back_up(made.output)
    made.context("pipeline_run", "second")

    with pytest.raises(ConfigError) as refused:
        restore(made.output)

    assert str(refused.value) == f"{made.output.metadata} is sound; there is nothing to repair."
    assert runs(made.output) == ["first", "second"]


def test_store_that_vanished_is_put_back(made: MadeStore) -> None:
    back_up(made.output)
    made.output.metadata.unlink()

    restore(made.output)

    assert runs(made.output) == ["first"]


def test_store_without_a_copy_is_not_repaired(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    with pytest.raises(ConfigError) as refused:
        restore(output)

    assert str(refused.value) == (
        f"{output.metadata} cannot be repaired: there is no copy metadata-backup.sqlite beside it; "
        "name the folder of a run with --output, or begin anew in another one."
    )


def test_copy_that_is_damaged_too_is_not_put_back(made: MadeStore) -> None:
    backup_file(made.output).write_bytes(b"nothing" * 1000)
    made.output.metadata.write_bytes(b"nothing" * 1000)

    with pytest.raises(ConfigError) as refused:
        restore(made.output)

    assert str(refused.value) == (
        f"The copy {backup_file(made.output)} is damaged as well (file is not a database)."
    )
    assert made.output.metadata.read_bytes() == b"nothing" * 1000


def test_folder_without_a_store_has_nothing_to_keep(tmp_path: Path) -> None:
    back_up(OutputFolders(tmp_path))

    assert list(tmp_path.iterdir()) == []
