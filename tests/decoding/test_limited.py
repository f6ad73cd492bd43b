"""Tests of decoders that hang, crash and take all memory: what it costs, and what it does not."""

from __future__ import annotations

import ast
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harmed_decoder import harmed_script
from photo_files import file_of, noise
from PIL import Image
from waiting import wait_until

from decoding.limited import (
    DamagedHeaderError,
    DecoderFailedError,
    LimitedDecoder,
    TooManyPixelsError,
    UndecodableError,
    is_limited,
)
from decoding.process import FACTS, GREY
from schemas.errors import MachineError

ROOT = Path(__file__).parents[2]
WEBP = file_of(noise(1, 32), "WEBP", lossless=True)
TIFF = file_of(noise(2, 32), "TIFF")


@pytest.fixture
def harmed(tmp_path: Path) -> Iterator[Callable[..., LimitedDecoder]]:
    """Makes decoders that some photos can harm."""
    script = harmed_script(tmp_path)
    made: list[LimitedDecoder] = []

    def make(**options: Any) -> LimitedDecoder:
        made.append(LimitedDecoder(script=script, **options))
        return made[-1]

    yield make
    for decoder in made:
        decoder.close()


@pytest.fixture(scope="module")
def decoder() -> Iterator[LimitedDecoder]:
    made = LimitedDecoder()
    yield made
    made.close()


def reason(decoder: LimitedDecoder, content: bytes) -> tuple[str, bool]:
    with pytest.raises(DecoderFailedError) as raised:
        decoder.decode(content)
    return str(raised.value), raised.value.lasting


ENDS = {
    b"crashes": ("its decoder crashed", True),
    b"ends": ("its decoder crashed", True),
    b"is killed": ("its decoder was killed", False),
    b"eats memory": ("its decoder ran out of memory", True),
    b"lies": ("its decoder crashed", True),
    b"brags": ("its decoder crashed", True),
}


@pytest.mark.parametrize("start", ENDS)
def test_decoder_that_fails_costs_its_photo_and_the_next_ones_are_decoded(
    harmed: Callable[..., LimitedDecoder], start: bytes
) -> None:
    decoder = harmed()
    before = np.asarray(decoder.decode(WEBP).image())

    assert reason(decoder, start) == ENDS[start]

    assert np.array_equal(np.asarray(decoder.decode(WEBP).image()), before)


def test_decoder_that_hangs_is_ended_by_the_time_that_it_computed(
    harmed: Callable[..., LimitedDecoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decoding.limited._PATIENCE", 300)
    decoder = harmed(seconds=1)

    assert reason(decoder, b"hangs") == ("took longer than 1 s to decode", True)
    assert decoder.decode(TIFF).facts.format == "TIFF"


def test_decoder_that_only_waits_is_ended_and_its_photo_not_blamed_for_ever(
    harmed: Callable[..., LimitedDecoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decoding.limited._PATIENCE", 2)

    assert reason(harmed(seconds=1), b"waits") == ("took longer than 2 s to decode", False)


def test_photos_in_threads_go_on_while_others_harm_their_decoders(
    harmed: Callable[..., LimitedDecoder],
) -> None:
    decoder = harmed()

    def decoded(content: bytes) -> str:
        try:
            return decoder.decode(content).facts.format
        except DecoderFailedError as error:
            return str(error)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(decoded, [WEBP, b"crashes", TIFF, b"is killed"] * 4))

    assert found == ["WEBP", "its decoder crashed", "TIFF", "its decoder was killed"] * 4


def test_process_knows_nothing_of_the_environment(
    harmed: Callable[..., LimitedDecoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)

    with pytest.raises(UndecodableError) as raised:
        harmed().decode(b"tells")

    assert set(ast.literal_eval(str(raised.value))) <= {"LC_CTYPE"}  # Which Python sets itself.


def test_process_writes_no_file(harmed: Callable[..., LimitedDecoder], tmp_path: Path) -> None:
    place = tmp_path / "written"

    assert reason(harmed(), f"writes {place}".encode())[0] == "its decoder crashed"

    assert not place.exists() or place.stat().st_size == 0


def test_process_ends_with_the_one_that_asked_even_if_that_was_killed() -> None:
    program = (
        "import sys, os, signal; from decoding.limited import LimitedDecoder\n"
        "decoder = LimitedDecoder(); decoder.decode(sys.stdin.buffer.read())\n"
        "print(decoder._idle[0]._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=WEBP, stdout=subprocess.PIPE, cwd=ROOT, check=False
    )
    process = Path("/proc", done.stdout.decode().strip(), "cmdline")

    wait_until(lambda: not process.exists() or b"process.py" not in process.read_bytes())


def test_closing_ends_the_processes_and_leaves_no_descriptor_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    decoder = LimitedDecoder()
    decoder.decode(WEBP)
    assert len(os.listdir("/proc/self/fd")) == before + 2

    decoder.close()

    assert len(os.listdir("/proc/self/fd")) == before


def test_process_that_does_not_start_is_the_machines_fault(tmp_path: Path) -> None:
    script = tmp_path / "process.py"
    script.write_text("raise SystemExit(3)")

    with pytest.raises(MachineError) as raised:
        LimitedDecoder(script=str(script)).decode(WEBP)

    assert str(raised.value) == (
        "WebP and TIFF files are decoded in a process of their own, which cannot be started (it "
        "ended with exit code 3); end other processes, or convert these photos to JPEG or PNG."
    )


def tiff_with_a_tile_of(side: int) -> bytes:
    """Returns a TIFF of 64 x 64 pixels, compressed, in one tile that claims to be larger."""
    strip = zlib.compress(bytes(4096))
    entries = [
        *((256, 4, 64), (257, 4, 64), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)),
        *((322, 4, side), (323, 4, side), (324, 4, 8), (325, 4, len(strip))),
    ]
    rows = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    directory = 8 + len(strip)
    header = struct.pack("<2sHI", b"II", 42, directory)
    return header + strip + struct.pack("<H", len(entries)) + rows + bytes(4)


def test_tiff_whose_tile_claims_gigabytes_does_not_get_them(decoder: LimitedDecoder) -> None:
    """16 GB, for a picture of 64 x 64 pixels: no limit of pixels notices that."""
    assert reason(decoder, tiff_with_a_tile_of(1 << 17)) == ("its decoder ran out of memory", True)


@pytest.mark.parametrize("content", [WEBP, TIFF], ids=["WebP", "TIFF"])
def test_photo_is_what_pillow_makes_of_it(decoder: LimitedDecoder, content: bytes) -> None:
    shown = Image.open(io.BytesIO(content)).convert("RGB")

    assert is_limited(content[:12])
    assert np.array_equal(np.asarray(decoder.decode(content).image()), np.asarray(shown))
    grey = decoder.decode(content, wanted=GREY).image()
    assert np.array_equal(np.asarray(grey), np.asarray(shown.convert("L")))
    facts = decoder.decode(content, wanted=FACTS)
    assert (facts.facts.width, facts.facts.height, facts.pixels) == (32, 32, b"")


def test_what_is_wrong_with_a_photo_is_told_apart(decoder: LimitedDecoder) -> None:
    with pytest.raises(TooManyPixelsError, match=r"^32 x 32 pixels$"):
        decoder.decode(WEBP, most_pixels=1023)
    with pytest.raises(DamagedHeaderError):
        decoder.decode(b"II*\0")
    with pytest.raises(UndecodableError, match="could not create decoder object"):
        decoder.decode(WEBP[:-20])
    assert decoder.decode(WEBP, most_pixels=1024).facts.channels == 3
