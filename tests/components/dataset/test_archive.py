"""Tests of unpacking an archive without trusting it."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from photo_files import encoded

from components.dataset import archive as module
from components.dataset.archive import is_archive, unpack, unpacked
from schemas.errors import DataError

FILES = {"cat/1.jpg": encoded(1), "dog/deep er/2.jpg": encoded(2), "notes.txt": b""}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    mode = {"tar": "w", "gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
    with tarfile.open(path, mode[path.name.rsplit(".", 1)[-1]]) as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def refusal(archive: Path) -> str:
    target = archive.parent / "target"
    with pytest.raises(DataError) as error:
        unpack(archive, target)
    assert not target.exists()
    assert [path for path in archive.parent.iterdir() if path.is_dir()] == []
    return str(error.value)


NAMES = {
    "a.zip": zipped,
    "a.tar": tarred,
    "a.tar.gz": tarred,
    "a.tgz": tarred,
    "a.tar.bz2": tarred,
    "a.tar.xz": tarred,
}


@pytest.mark.parametrize("name", NAMES)
def test_files_are_unpacked(tmp_path: Path, name: str) -> None:
    archive = NAMES[name](tmp_path / name, FILES)

    unpack(archive, tmp_path / "target")

    assert is_archive(str(archive))
    assert content_of(tmp_path / "target") == FILES


def test_unpacked_once_only(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", FILES)
    folder = unpacked(archive)
    (folder / "cat" / "1.jpg").unlink()

    assert unpacked(archive) == folder
    assert "cat/1.jpg" not in content_of(folder)
    other = zipped(tmp_path / "b.zip", {"cat/1.jpg": encoded(9)})
    assert unpacked(other) != folder


OUTSIDE = ["../evil.jpg", "cat/../../evil.jpg", "/evil.jpg", "..\\evil.jpg"]


@pytest.mark.parametrize("make", [zipped, tarred], ids=["zip", "tar"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_file_outside_of_the_folder_is_refused(
    tmp_path: Path, make: Callable[[Path, dict[str, bytes]], Path], name: str
) -> None:
    suffix = "zip" if make is zipped else "tar"
    archive = make(tmp_path / f"a.{suffix}", {"cat/1.jpg": b"", name: b"evil"})

    assert refusal(archive).startswith(
        f"{archive} holds a file that would lie outside of its folder ("
    )
    assert not (tmp_path.parent / "evil.jpg").exists()


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as file:
        for name, kind in (
            ("cat/link.jpg", tarfile.SYMTYPE),
            ("cat/hard.jpg", tarfile.LNKTYPE),
            ("cat/pipe.jpg", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    zip_archive = tmp_path / "a.zip"
    with zipfile.ZipFile(zip_archive, "w") as packed:
        link = zipfile.ZipInfo("cat/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")

    for number, path in enumerate((archive, zip_archive)):
        unpack(path, tmp_path / str(number))
        assert content_of(tmp_path / str(number)) == {}


@pytest.mark.parametrize("make", [zipped, tarred], ids=["zip", "tar.gz"])
def test_bomb_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path, dict[str, bytes]], Path],
) -> None:
    monkeypatch.setattr(module, "MIN_BYTES", 1_000_000)
    name = "a.zip" if make is zipped else "a.tar.gz"
    archive = make(tmp_path / name, {"cat/1.jpg": bytes(900_000), "cat/2.jpg": bytes(900_000)})

    assert refusal(archive) == (
        f"{archive} holds more than its size lets expect (2 files, 1,800,000 bytes so far, and "
        "1,000,000 are allowed): it looks like a decompression bomb; unpack it yourself and name "
        "the folder if you trust it."
    )


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)

    assert "(3 files, " in refusal(zipped(tmp_path / "a.zip", FILES))


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_damaged_archive_is_refused(tmp_path: Path, name: str) -> None:
    archive = NAMES[name](tmp_path / name, FILES)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    assert refusal(archive) == f"{archive} cannot be unpacked: it is damaged; pack it again."

    archive.write_bytes(b"nothing of the sort")
    assert refusal(archive) == f"{archive} cannot be unpacked: it is damaged; pack it again."


def test_zip_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"cat/1.jpg": encoded(size=64)})
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)

    assert refusal(archive) == f"{archive} cannot be unpacked: it is damaged; pack it again."


def test_zip_with_a_password_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"cat/1.jpg": encoded()})
    content = bytearray(archive.read_bytes())
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + offset] |= 1  # The flag of an encrypted file.
    archive.write_bytes(content)

    assert refusal(archive) == (
        f"{archive} cannot be unpacked: it needs a password; pack it again."
    )


def test_file_and_folder_of_one_name_are_refused(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar", {"cat": b"", "cat/1.jpg": b""})

    assert "cannot be unpacked into" in refusal(archive)
