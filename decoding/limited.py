"""Decodes WebP and TIFF with limits of time and memory, in processes that are kept for the next.

A photo that makes its decoder hang, crash or take all memory costs itself, and nothing else. The
processes know nothing of the environment that this one was started with.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import PIL
from PIL import Image

from decoding import process
from decoding.process import PICTURE, Facts
from schemas.errors import MachineError

# Of the processor's time, so that a busy machine decodes the same photos as an idle one; a decoder
# that only waits is ended after so many times that.
SECONDS = 30
_PATIENCE = 6

# Between the end of what a process sends, and its own.
_SECONDS_TO_END = 3

_CRASHED = "its decoder crashed"

_LONGEST_FACTS = 1 << 16  # Bytes.

# Pictures have megabytes, and Linux' pipes 64 kB.
_PIPE_BYTES = 1 << 20

_ORIENTATION_TAG = 0x0112
_BYTES_PER_PIXEL = {"L": 1, "RGB": 3}
_BYTES_OF_16_BITS = 2

# The only variable that a decoder's process gets, where it is set: Python may need it to start.
_HANDED_ON = "LD_LIBRARY_PATH"


class UndecodableError(ValueError):
    """Why a photo cannot be decoded, in Pillow's words."""


class DamagedHeaderError(UndecodableError):
    """The file does not even begin like a photo."""


class TooManyPixelsError(UndecodableError):
    """There are more pixels than are wanted; the text says how many."""


class DecoderFailedError(UndecodableError):
    """What became of a decoder, as words that stand after the name of a photo.

    Attributes:
        lasting: whether the photo is the reason, and not perhaps the machine.
    """

    def __init__(self, text: str, *, lasting: bool) -> None:
        """Takes the text, and whether the photo is the reason."""
        super().__init__(text)
        self.lasting = lasting


@dataclass(frozen=True)
class Decoded:
    """A photo.

    Attributes:
        facts: what it is.
        pixels: row by row, in the mode of `facts`.
    """

    facts: Facts
    pixels: bytes

    def image(self) -> Image.Image:
        """Returns what was sent of it, in `L`, `RGB` or 16 bits, with EXIF's orientation only."""
        facts = self.facts
        image = Image.frombytes(facts.mode, facts.sent, self.pixels)
        if facts.orientation > 1:
            exif = Image.Exif()
            exif[_ORIENTATION_TAG] = facts.orientation
            image.info["exif"] = exif.tobytes()  # Stays when it is converted.
        return image


def is_limited(content: bytes) -> bool:
    """Tells by the first 12 bytes whether a file is decoded here: whether it is WebP or TIFF."""
    webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return webp or content[:4] in {b"II*\0", b"MM\0*"}


class LimitedDecoder:
    """Some processes that decode; for many threads."""

    def __init__(self, *, script: str = process.__file__, seconds: int = SECONDS) -> None:
        """Starts nothing yet.

        Args:
            script: what the processes run, as `decoding.process`.
            seconds: of the processor's time, for each photo.
        """
        self._script = script
        self._seconds = seconds
        self._idle: list[_Decoder] = []
        self._places = threading.BoundedSemaphore(os.cpu_count() or 1)

    def decode(self, content: bytes, *, wanted: int = PICTURE, most_pixels: int = 0) -> Decoded:
        """Decodes the first picture of a file.

        Args:
            content: of the file.
            wanted: `FACTS`, `GREY` or `PICTURE`, of `decoding.process`.
            most_pixels: a photo with more is not decoded; 0: as many as half of the machine's
                memory holds.

        Raises:
            UndecodableError: if it cannot be decoded; see its subclasses.
            MachineError: if no process can be started.
        """
        question = _Question(content, wanted, most_pixels)
        with self._places:
            try:
                with contextlib.suppress(IndexError):
                    used = self._idle.pop()
                    try:
                        return self._asked(used, question)
                    except _TookTooLongError:
                        raise
                    except DecoderFailedError:
                        # Perhaps a photo before this one had harmed it.
                        pass
                return self._asked(_Decoder(self._script, self._seconds), question)
            except MemoryError as error:
                raise DecoderFailedError("there is no memory for it", lasting=False) from error

    def close(self) -> None:
        """Ends the processes that wait for a photo."""
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().end()

    def _asked(self, decoder: _Decoder, question: _Question) -> Decoded:
        try:
            answer = decoder.ask(question)
        except BaseException:
            decoder.end()
            raise
        facts = answer.facts
        if facts.problem == "memory":
            decoder.end()
            raise DecoderFailedError("its decoder ran out of memory", lasting=True)
        self._idle.append(decoder)
        if facts.problem == "header":
            raise DamagedHeaderError("damaged header")
        if facts.problem == "pixels":
            raise TooManyPixelsError(f"{facts.width} x {facts.height} pixels")
        if facts.problem:
            raise UndecodableError(facts.reason or "no reason given")
        return answer


@functools.cache
def shared_decoder() -> LimitedDecoder:
    """Returns the one of this process; what it started ends with it."""
    decoder = LimitedDecoder()
    atexit.register(decoder.close)
    return decoder


class _EndedError(Exception):
    """The process of a decoder has ended."""


class _NonsenseError(Exception):
    """The process of a decoder goes on, but what it says makes no sense."""


class _TookTooLongError(DecoderFailedError):
    """A decoder was ended because of its time."""


@dataclass(frozen=True)
class _Question:
    content: bytes
    wanted: int
    most_pixels: int


class _Decoder:
    """One process."""

    def __init__(self, script: str, seconds: int) -> None:
        packages = str(Path(PIL.__file__).parents[1])
        self._seconds = seconds
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own script, in this very Python)
                [sys.executable, "-I", "-S", "-B", script, packages, str(seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={name: os.environ[name] for name in (_HANDED_ON,) if name in os.environ},
                # Ctrl-C is for this process, which ends that one.
                start_new_session=True,
            )
        except OSError as error:
            raise MachineError(_cannot_start(error.strerror or str(error))) from error
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # A user may have so many large ones.
                fcntl.fcntl(cast("IO[bytes]", pipe), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            with self._at_most(seconds * _PATIENCE):
                if self._read(len(process.READY)) != process.READY:
                    raise _EndedError
        except _EndedError as error:
            self.end()
            raise MachineError(
                _cannot_start(f"it ended with exit code {self._process.returncode}")
            ) from error

    def ask(self, question: _Question) -> Decoded:
        """Asks about a photo.

        Raises:
            DecoderFailedError: if the process has ended, which it does at its limits.
        """
        patience = self._seconds * _PATIENCE
        with self._at_most(patience) as ran_out:
            try:
                return self._answer(question)
            except (ValueError, TypeError, _NonsenseError) as error:
                raise DecoderFailedError(_CRASHED, lasting=True) from error
            except (OSError, _EndedError) as error:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_SECONDS_TO_END)
                code = self._process.returncode
                raise self._failure(code, patience if ran_out.is_set() else 0) from error

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # What was not taken any more is not written.
                if pipe:
                    pipe.close()

    def _answer(self, question: _Question) -> Decoded:
        questions = cast("IO[bytes]", self._process.stdin)
        content, most = question.content, question.most_pixels
        questions.write(process.HEADER.pack(most, question.wanted, len(content)))
        questions.write(content)
        questions.flush()
        length = self._read_length(_LONGEST_FACTS)
        facts = Facts(**json.loads(self._read(length)))
        width, height = facts.sent
        # Whatever a photo may have made of that process: it is not believed how much it sends.
        expected = width * height * _BYTES_PER_PIXEL.get(facts.mode, _BYTES_OF_16_BITS)
        if (most and width * height > most) or self._read_length(expected) != expected:
            raise _NonsenseError
        return Decoded(facts, self._read(expected))

    def _read_length(self, most: int) -> int:
        (length,) = process.LENGTH.unpack(self._read(process.LENGTH.size))
        if length > most:
            raise _NonsenseError
        return int(length)

    def _read(self, length: int) -> bytes:
        found = cast("IO[bytes]", self._process.stdout).read(length)
        if len(found) != length:
            raise _EndedError
        return found

    @contextlib.contextmanager
    def _at_most(self, seconds: float) -> Iterator[threading.Event]:
        """Ends the process after so many seconds, and says so."""
        ran_out = threading.Event()

        def end() -> None:
            ran_out.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield ran_out
        finally:
            timer.cancel()

    def _failure(self, code: int | None, waited: int) -> DecoderFailedError:
        if waited:
            return _TookTooLongError(f"took longer than {waited} s to decode", lasting=False)
        if code == -signal.SIGXCPU:
            text = f"took longer than {self._seconds} s to decode"
            return _TookTooLongError(text, lasting=True)
        if code == -signal.SIGKILL:
            # Nobody but the kernel does so, to have memory for others.
            return DecoderFailedError("its decoder was killed", lasting=False)
        return DecoderFailedError(_CRASHED, lasting=True)


def _cannot_start(reason: str) -> str:
    return (
        f"WebP and TIFF files are decoded in a process of their own, which cannot be started "
        f"({reason}); end other processes, or convert these photos to JPEG or PNG."
    )
