"""The command `data check` as a user runs it."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from photo_files import add, add_classes, encoded, file_of
from PIL import Image
from typer.testing import CliRunner, Result

import samples
from cli.main import app

PHOTO = min((samples.PHOTOS_FOLDER / "mammals").iterdir())
PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", "check", *map(str, arguments)], env=PLAIN)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos with one of everything that can be wrong with some."""
    folder = add_classes(tmp_path / "photos", "cat", "dog", photos=30)
    photo = Image.open(PHOTO)
    add(folder, "cat/a.jpg", PHOTO.read_bytes())
    add(folder, "cat/small.png", file_of(photo.resize((photo.width // 2, photo.height // 2))))
    add(folder, "cat/both.jpg", encoded(777))
    add(folder, "dog/both.jpg", encoded(777))
    add(folder, "dog/empty.jpg", b"")
    return folder


def test_json_holds_what_was_found(photos: Path) -> None:
    result = invoke(photos, "--json")

    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["images"] == 62
    assert {c: sum(n.values()) for c, n in found["classes"].items()} == {"cat": 32, "dog": 30}
    assert found["quarantined"] == [
        {
            "path": "cat/both.jpg",
            "class": "cat",
            "reason": "the same picture as dog/both.jpg",
            "bytes": len(encoded(777)),
        },
        {
            "path": "dog/both.jpg",
            "class": "dog",
            "reason": "the same picture as cat/both.jpg",
            "bytes": len(encoded(777)),
        },
        {"path": "dog/empty.jpg", "class": "dog", "reason": "empty", "bytes": 0},
    ]
    assert found["duplicate_groups"] == [["cat/a.jpg", "cat/small.png"]]
    assert found["label_conflicts"] == [
        [{"path": "cat/both.jpg", "class": "cat"}, {"path": "dog/both.jpg", "class": "dog"}]
    ]
    assert any("under more than one label" in warning for warning in found["warnings"])
    assert found["errors"] == []


def test_text_says_the_same_in_words(photos: Path) -> None:
    result = invoke(photos)

    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "62 photos in class folders" in lines
    assert any(re.fullmatch(r"dog \d+ \d+ \d+%", line) for line in lines)
    assert "dog/empty.jpg: empty" in lines
    assert "cat/a.jpg = cat/small.png" in lines
    assert lines[-1] == "A run can be made of these photos."


def test_what_stops_a_run_exits_1(photos: Path) -> None:
    strict = invoke(photos, "--set", "data.max_bad_fraction=0.001", "--json")

    assert strict.exit_code == 1
    first, second = json.loads(strict.stdout)["errors"]
    assert first.startswith(f"{photos}: 1 of 65 files cannot be used, more than data.max_bad_")
    assert second.startswith(f"{photos}: 2 of 64 photos show a picture that is in another class")
    text = invoke(photos, "--set", "data.max_bad_fraction=0.001")
    assert text.exit_code == 1
    assert f"Error: {first}" in text.stdout.splitlines()
    assert "A run can be made" not in text.stdout


def test_folder_that_cannot_be_surveyed_still_gives_json(tmp_path: Path) -> None:
    result = invoke(tmp_path, "--json")

    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["images"] == 0
    assert found["errors"][0].startswith(f"{tmp_path} holds no class folders; ")


def test_page_shows_thumbnails_and_needs_nothing_but_itself(photos: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    result = invoke(photos, "--html", page)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"Page  {page}"
    html = page.read_text()
    for said in ("62 photos", "cat/small.png", "dog/empty.jpg", "under more than one label"):
        assert said in html
    sources = re.findall(r'src="([^"]*)"', html)
    assert len(sources) == 2 + 2 + 6 + 6  # Copies, a conflict, and some of each class.
    for source in sources:
        kind, content = source.split(",", 1)
        assert kind == "data:image/jpeg;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(content))).size) <= 256
    assert re.search(r"https?:|url\(|<script|<link", html) is None


def test_hostile_names_are_shown_as_text(tmp_path: Path) -> None:
    folder = add_classes(tmp_path / "photos", "<script>alert(1)<script>", "dog")
    add(folder, "dog/<img src=x onerror=alert(1)>.jpg", encoded(5))

    invoke(folder, "--html", tmp_path / "page.html")

    html = (tmp_path / "page.html").read_text()
    assert "<script" not in html
    assert "<img src=x" not in html


@pytest.mark.parametrize("place", ["photos", "missing/page.html"])
def test_page_that_cannot_be_written_is_refused(photos: Path, place: str) -> None:
    page = photos.parent / place

    result = invoke(photos, "--html", page)

    assert result.exit_code == 2
    assert result.stderr == f"Error: --html {page}: name a file in a folder that exists.\n"


def test_check_does_not_import_tensorflow(photos: Path) -> None:
    script = (
        "import sys\n"
        "from cli.main import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "finally:\n"
        "    print(*sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)\n"
    )
    page = photos.parent / "page.html"
    result = subprocess.run(
        [sys.executable, "-c", script, "data", "check", photos, "--html", page],
        capture_output=True,
        text=True,
        check=True,
    )

    modules = set(result.stderr.split())
    assert "PIL" in modules
    assert modules & {"tensorflow", "keras", "tfx", "apache_beam", "pandas", "sklearn"} == set()
