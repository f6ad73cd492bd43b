"""Tests of resumable downloads, with servers on this machine that behave well or badly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from public_server import CLOSED, Served, archive_content, dataset_of, serving

from components.public_data import download as module
from components.public_data.download import check_archive, download
from components.public_data.registry import PublicDataset
from schemas.errors import ConfigError, DataError

CONTENT = archive_content()
HALF = len(CONTENT) // 2
TAIL = "or get this file by other means and name it with --archive FILE."


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0, 0, 0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(CONTENT) as served:
        yield served


@pytest.fixture
def dataset(served: Served) -> PublicDataset:
    return dataset_of(CONTENT, served.url)


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    return tmp_path / ".shapes.tgz.partial"


def refusal(dataset: PublicDataset, partial: Path) -> str:
    """Returns what a download is refused with."""
    with pytest.raises(DataError) as error:
        download(dataset, partial)
    return str(error.value)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_file_is_downloaded_and_progress_told(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    told: list[int] = []

    download(dataset, partial, told.append)

    assert partial.read_bytes() == CONTENT
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, len(CONTENT))
    assert len(told) > 3
    assert served.asked == [(None, None)]
    assert names(partial.parent) == [partial.name]


@pytest.mark.parametrize("header", ["ETag", "Last-Modified"])
def test_broken_connection_goes_on_with_the_rest_of_the_same_version(
    served: Served, dataset: PublicDataset, partial: Path, header: str
) -> None:
    version = {"ETag": '"one"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}[header]
    served.headers = {header: version}
    served.breaks, served.break_after = 1, HALF

    download(dataset, partial)

    assert partial.read_bytes() == CONTENT
    first, second = served.asked
    assert first == (None, None)
    begin = int(str(second[0]).removeprefix("bytes=").removesuffix("-"))
    assert HALF - module._CHUNK < begin <= HALF
    assert second[1] == version
    assert names(partial.parent) == [partial.name]


def test_weak_etag_is_not_asked_for(served: Served, dataset: PublicDataset, partial: Path) -> None:
    served.headers = {"ETag": 'W/"one"'}
    served.breaks, served.break_after = 1, HALF

    download(dataset, partial)

    assert [version for _, version in served.asked] == [None, None]
    assert partial.read_bytes() == CONTENT


def test_later_call_resumes_where_the_first_was_interrupted(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    served.headers = {"ETag": '"one"'}

    def interrupt(received: int) -> None:
        if received > HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(dataset, partial, interrupt)
    length = partial.stat().st_size
    told: list[int] = []
    download(dataset, partial, told.append)

    assert HALF < length < len(CONTENT)
    assert served.asked == [(None, None), (f"bytes={length}-", '"one"')]
    assert told[0] == length
    assert partial.read_bytes() == CONTENT


def test_other_version_is_downloaded_from_its_beginning(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    partial.write_bytes(b"x" * HALF)
    partial.with_name(partial.name + ".version").write_text('"former"')
    served.headers = {"ETag": '"one"'}

    download(dataset, partial)

    assert served.asked == [(f"bytes={HALF}-", '"former"')]
    assert partial.read_bytes() == CONTENT


def test_server_without_ranges_is_read_from_the_beginning(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    served.ranges = False
    served.breaks, served.break_after = 2, HALF
    told: list[int] = []

    download(dataset, partial, told.append)

    assert len(served.asked) == 3
    assert partial.read_bytes() == CONTENT
    assert told[-1] == len(CONTENT)


def test_server_without_length_that_breaks_off_is_asked_again(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    served.says_length = False
    served.breaks, served.break_after = 1, HALF

    download(dataset, partial)

    assert served.asked == [(None, None), (f"bytes={HALF}-", None)]
    assert partial.read_bytes() == CONTENT


def test_every_byte_that_arrives_gives_new_attempts(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    served.breaks, served.break_after = 100, module._CHUNK

    download(dataset, partial)

    assert len(served.asked) > len(module.PAUSES) + 1
    assert partial.read_bytes() == CONTENT


def test_connection_that_breaks_off_too_often_is_given_up_and_what_arrived_is_kept(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    served.ranges = False
    served.breaks, served.break_after = 100, 2 * module._CHUNK

    message = refusal(dataset, partial)

    assert len(served.asked) == 1 + len(module.PAUSES)
    assert partial.stat().st_size == 2 * module._CHUNK
    assert message == (
        f"shapes: {dataset.url} could not be downloaded (the connection broke off); run the same "
        "command again later, to go on after the 0.1 MB that have arrived, "
        f"{TAIL}"
    )


def test_server_that_is_busy_is_asked_again(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    served.statuses = [503, 429]

    download(dataset, partial)

    assert len(served.asked) == 3
    assert partial.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "attempts", "said"),
    [(404, 1, "404 Not Found"), (500, 4, "500 Internal Server Error")],
)
def test_server_that_refuses_is_quoted(
    served: Served,
    dataset: PublicDataset,
    partial: Path,
    status: int,
    attempts: int,
    said: str,
) -> None:
    served.statuses = [status] * 9

    assert refusal(dataset, partial) == (
        f"shapes: {dataset.url} could not be downloaded (the server answers {said}); run the same "
        f"command again later, {TAIL}"
    )
    assert len(served.asked) == attempts
    assert names(partial.parent) == []


def test_without_a_network_the_sentence_comes_at_once(
    partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (60,))
    dataset = dataset_of(CONTENT, CLOSED)

    assert refusal(dataset, partial) == (
        f"shapes: {CLOSED}/shapes.tgz could not be downloaded (Connection refused); run the same "
        f"command again when there is a network, {TAIL}"
    )
    assert names(partial.parent) == []


def test_other_bytes_are_deleted_and_said(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    served.content = b"x" * len(CONTENT)
    served.headers = {"ETag": '"one"'}

    assert refusal(dataset, partial) == (
        f"shapes: {dataset.url} is another file than it was: its SHA-256 is "
        f"{hashlib.sha256(served.content).hexdigest()}, not {dataset.sha256}; nothing of it was "
        "kept, so run the same command again, or get the right file by other means and name it "
        "with --archive FILE."
    )
    assert names(partial.parent) == []


@pytest.mark.parametrize(
    ("says_length", "what"),
    [
        (True, f"it has {len(CONTENT) + 9} bytes, not {len(CONTENT)}"),
        (False, f"it has more than {len(CONTENT)} bytes"),
    ],
)
def test_longer_file_is_refused(
    served: Served, dataset: PublicDataset, partial: Path, says_length: bool, what: str
) -> None:
    served.content = CONTENT + b"x" * 9
    served.says_length = says_length

    assert f" is another file than it was: {what}; nothing " in refusal(dataset, partial)
    assert names(partial.parent) == []


@pytest.mark.parametrize("present", [0, HALF, len(CONTENT) - 2])
def test_shorter_file_is_refused_whatever_has_arrived(
    served: Served, dataset: PublicDataset, partial: Path, present: int
) -> None:
    served.content = CONTENT[: HALF + 100]
    partial.write_bytes(CONTENT[:present])

    assert f"it has {HALF + 100} bytes, not {len(CONTENT)}; " in refusal(dataset, partial)
    assert names(partial.parent) == []


def test_partial_file_that_is_too_long_is_begun_anew(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    partial.write_bytes(CONTENT + b"x")

    download(dataset, partial)

    assert served.asked == [(None, None)]
    assert partial.read_bytes() == CONTENT


def test_complete_file_is_only_checked(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    partial.write_bytes(CONTENT)

    download(dataset, partial)

    assert served.asked == []


def test_disk_that_is_full_is_one_sentence(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    partial.symlink_to("/dev/full")

    assert refusal(dataset, partial) == (
        f"{partial}: No space left on device; what has arrived is kept, so mend that and run the "
        "same command again."
    )


def test_archive_that_was_downloaded_by_other_means_is_checked(tmp_path: Path) -> None:
    dataset = dataset_of(CONTENT, CLOSED)
    file = tmp_path / "any.name"
    file.write_bytes(CONTENT)

    check_archive(dataset, file)

    for content, what in (
        (b"x", f"it has 1 bytes, not {len(CONTENT)}"),
        (
            b"x" * len(CONTENT),
            f"its SHA-256 is {hashlib.sha256(b'x' * len(CONTENT)).hexdigest()}, not "
            f"{dataset.sha256}",
        ),
    ):
        file.write_bytes(content)
        with pytest.raises(DataError) as error:
            check_archive(dataset, file)
        assert str(error.value) == (
            f"--archive {file} is not the archive of shapes: {what}; download {dataset.url} again."
        )


def test_missing_archive_is_a_usage_error(tmp_path: Path) -> None:
    dataset = dataset_of(CONTENT, CLOSED)

    with pytest.raises(ConfigError) as error:
        check_archive(dataset, tmp_path / "missing")

    assert str(error.value) == (
        f"--archive {tmp_path}/missing is no file; name the file that you have from {dataset.url}."
    )


def test_beginning_of_other_bytes_is_found_by_the_hash_and_begun_anew_by_the_next_call(
    served: Served, dataset: PublicDataset, partial: Path
) -> None:
    partial.write_bytes(b"x" * HALF)

    message = refusal(dataset, partial)
    download(dataset, partial)

    assert f"not {dataset.sha256}; nothing of it was kept" in message
    assert served.asked == [(f"bytes={HALF}-", None), (None, None)]
    assert partial.read_bytes() == CONTENT
