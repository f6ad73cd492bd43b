"""The corrections that a person made to labels: `corrections.csv` in the output folder.

A correction is about a photo's content. It follows a file that is renamed, and does not touch
another photo under the same path. Copies of one file have one label, so the newest decision about
it replaces the older ones; which of the copies are left out is decided for each of them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from schemas.errors import ConfigError, DataError, printable, shortened_list

CORRECTIONS_FILE = "corrections.csv"
COLUMNS = ("path", "sha256", "label", "decision", "new_label", "decided")

# The label is right.
KEEP = "keep"
# It is `new_label`.
RELABEL = "relabel"
# The photo is not to be used: a copy, or no picture of anything.
LEAVE_OUT = "leave_out"
DECISIONS = (KEEP, RELABEL, LEAVE_OUT)

_SHA256 = re.compile(r"[0-9a-f]{64}")

# File names need not be UTF-8; what Python makes of them comes back as it was.
_ERRORS = "surrogatepass"


@dataclass(frozen=True)
class Correction:
    """What a person decided about a photo.

    Attributes:
        path: where it was, relative to the data folder, with `/`.
        sha256: of its content, 64 hex digits.
        label: the class that it had then.
        decision: `keep`, `relabel` or `leave_out`.
        new_label: the class that it has from then on; empty unless `decision` is `relabel`.
        decided: when, in UTC; None where nobody said.
    """

    path: str
    sha256: str
    label: str
    decision: str
    new_label: str = ""
    decided: datetime | None = None

    @property
    def right_label(self) -> str | None:
        """The class that the photo was decided to have, or None if it is left out."""
        return {KEEP: self.label, RELABEL: self.new_label}.get(self.decision)


class Counts(NamedTuple):
    """How many corrections there are of each decision."""

    kept: int
    relabelled: int
    left_out: int

    @property
    def sentence(self) -> str:
        """Names those that are there, as a clause; empty if there are none."""
        parts = ((self.relabelled, "relabelled"), (self.left_out, "left out"), (self.kept, "kept"))
        return ", ".join(f"{count} {what}" for count, what in parts if count)


def read_corrections(file: Path) -> list[Correction]:
    """Reads the corrections, of each photo the newest; none if there is no file.

    Raises:
        DataError: if it cannot be read, or a row makes no sense.
    """
    name = printable(str(file))
    try:
        text = file.read_bytes().decode("utf-8", _ERRORS).removeprefix("\ufeff")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text; save it as CSV UTF-8.") from error
    except OSError as error:
        raise DataError(
            f"{name} cannot be read ({error.strerror}); make it readable, or run with "
            "--corrections none."
        ) from error
    return _newest(_rows(text, name))


def write_corrections(file: Path, corrections: Iterable[Correction]) -> None:
    """Writes the whole file, under another name first: of each photo the newest correction.

    Raises:
        ConfigError: if it cannot be written.
    """
    try:
        _replace_durably(file, as_csv(corrections))
    except OSError as error:
        raise ConfigError(
            f"{printable(str(file))} cannot be written ({error.strerror}); nothing was saved: make "
            "its folder writable, and decide again."
        ) from error


def as_csv(corrections: Iterable[Correction]) -> bytes:
    """Returns the content of the file: of each photo the newest correction."""
    stream = io.StringIO()
    # With such ends of lines a name that holds a carriage return is quoted, too.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in sorted(_newest(corrections), key=lambda one: (one.path, one.sha256)):
        writer.writerow([*astuple(one)[:-1], _time_as_text(one.decided)])
    return stream.getvalue().encode("utf-8", _ERRORS)


def with_correction(corrections: Iterable[Correction], new: Correction) -> list[Correction]:
    """Returns the corrections with a new one in the place of those that it replaces."""
    return [*(one for one in corrections if not _replaces(new, one)), new]


def without(corrections: Iterable[Correction], taken_back: Correction) -> list[Correction]:
    """Returns the corrections without one; of when it was decided nothing depends."""
    return [one for one in corrections if replace(one, decided=taken_back.decided) != taken_back]


def counts(corrections: Iterable[Correction]) -> Counts:
    """Counts corrections by what was decided."""
    decisions = [one.decision for one in corrections]
    return Counts(*(decisions.count(decision) for decision in DECISIONS))


def as_property(corrections: Iterable[Correction]) -> str:
    """Returns corrections as JSON, to be a property of a component.

    Not when they were decided: a decision that is taken back and made again changes nothing.
    """
    return json.dumps(sorted(astuple(one)[:-1] for one in corrections))


def from_property(text: str) -> list[Correction]:
    """Reads what `as_property` returns."""
    return [Correction(*row) for row in json.loads(text)]


def _newest(corrections: Iterable[Correction]) -> list[Correction]:
    beginning = datetime.min.replace(tzinfo=UTC)
    by_content: dict[str, list[Correction]] = defaultdict(list)
    for one in sorted(corrections, key=lambda one: one.decided or beginning):
        by_content[one.sha256] = with_correction(by_content[one.sha256], one)
    return [one for found in by_content.values() for one in found]


def _replaces(new: Correction, old: Correction) -> bool:
    if new.sha256 != old.sha256:
        return False
    return new.path == old.path or LEAVE_OUT not in {new.decision, old.decision}


def _rows(text: str, name: str) -> Iterator[Correction]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = next(reader, [])
        missing = [column for column in COLUMNS if column not in columns]
        if missing:
            raise DataError(
                f"{name} has no column {' and no column '.join(missing)} (it has: "
                f"{shortened_list(map(printable, columns)) or 'none'}); the first line must be "
                f"{','.join(COLUMNS)}."
            )
        places = [columns.index(column) for column in COLUMNS]
        for row in reader:
            where = f"{name}, line {reader.line_num}"
            if len(row) != len(columns):
                raise DataError(
                    f"{where}: {len(row)} values where the first line has {len(columns)} columns; "
                    "complete the row or remove it."
                )
            yield _correction([row[place] for place in places], where)
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: {error}; correct the CSV.") from error


def _correction(row: list[str], where: str) -> Correction:
    path, sha256, label, decision, new_label, decided = row
    for column, value in (("path", path), ("label", label)):
        if not value:
            raise DataError(f"{where}: no {column}; complete the row or remove it.")
    if not _SHA256.fullmatch(sha256):
        raise DataError(
            f"{where}: the sha256 {printable(sha256)} has not 64 hex digits in lower case; correct "
            "the row or remove it."
        )
    if decision not in DECISIONS:
        raise DataError(
            f"{where}: the decision {printable(decision)} is none; write {', '.join(DECISIONS)}."
        )
    if bool(new_label) != (decision == RELABEL):
        what = "has no new_label" if decision == RELABEL else f"has the new_label {new_label!r}"
        raise DataError(
            f"{where}: the decision {decision} {what}; {RELABEL} needs one, and the others have "
            "none."
        )
    return Correction(path, sha256, label, decision, new_label, _time_of(decided, where))


def _time_of(text: str, where: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise DataError(
            f"{where}: {printable(text)} is no time with a time zone; write one such as "
            "2026-01-31T12:00:00Z, or nothing."
        )
    return time.astimezone(UTC)


def _time_as_text(time: datetime | None) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else ""


def _replace_durably(file: Path, content: bytes) -> None:
    """Writes a file so that it is the old or the new one as a whole, even if the power fails."""
    partial = file.with_name(f".{file.name}.{uuid4().hex}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
