"""Tests of the file of corrections: nothing is lost in it, and what is wrong is named."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import corrections as module
from schemas.corrections import (
    COLUMNS,
    DECISIONS,
    KEEP,
    LEAVE_OUT,
    RELABEL,
    Correction,
    as_csv,
    as_property,
    counts,
    from_property,
    read_corrections,
    with_correction,
    without,
    write_corrections,
)
from schemas.errors import ConfigError, DataError

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = NOON.replace(hour=13)
SHA = "ab" * 32
HEADING = ",".join(COLUMNS)
KEPT = Correction("cat/1.jpg", SHA, "cat", KEEP, decided=NOON)
RELABELLED = Correction("cat/1.jpg", SHA, "cat", RELABEL, "dog", LATER)


def read(folder: Path, *lines: str) -> list[Correction]:
    file = folder / "corrections.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_corrections(file)


def refusal(folder: Path, *lines: str) -> str:
    with pytest.raises(DataError) as error:
        read(folder, *lines)
    return str(error.value).removeprefix(f"{folder / 'corrections.csv'}")


def row(**values: str) -> str:
    usual = dict(zip(COLUMNS, ("cat/1.jpg", SHA, "cat", "keep", "", ""), strict=True))
    return ",".join((usual | values).values())


def test_file_that_is_not_there_holds_no_corrections(tmp_path: Path) -> None:
    assert read_corrections(tmp_path / "corrections.csv") == []


def test_file_is_a_csv_that_other_programs_read(tmp_path: Path) -> None:
    file = tmp_path / "corrections.csv"

    write_corrections(
        file, [replace(RELABELLED, path='a,"b".jpg'), replace(KEPT, sha256="cd" * 32)]
    )

    assert file.read_bytes().decode().split("\r\n") == [
        "path,sha256,label,decision,new_label,decided",
        f'"a,""b"".jpg",{SHA},cat,relabel,dog,2026-01-31T13:00:00Z',
        f"cat/1.jpg,{'cd' * 32},cat,keep,,2026-01-31T12:00:00Z",
        "",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["corrections.csv"]


NAMES = st.one_of(
    st.text(min_size=1),
    st.text('\r\n", \t\ufeff;', min_size=1),
    st.text(st.characters(categories=["Cs", "Lo"]), min_size=1),
    st.binary(min_size=1).map(lambda name: name.decode("utf-8", "surrogateescape")),
)


@given(path=NAMES, label=NAMES, new_label=NAMES, decision=st.sampled_from(DECISIONS))
def test_any_name_comes_back_as_it_was(
    path: str, label: str, new_label: str, decision: str
) -> None:
    new_label = new_label if decision == RELABEL else ""
    correction = Correction(path, SHA, label, decision, new_label, NOON)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "corrections.csv")
        write_corrections(file, [correction])
        (found,) = read_corrections(file)

    assert found == correction
    assert from_property(as_property([correction])) == [replace(correction, decided=None)]


def test_columns_in_another_order_and_others_beside_them_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "\ufeffnote,decided,new_label,decision,label,sha256,path",
        f"mine,2026-01-31T14:00:00+02:00,,keep,cat,{SHA},cat/1.jpg",
    )

    assert found == [KEPT]


@pytest.mark.parametrize("late_first", [True, False])
def test_newest_decision_about_a_label_replaces_older_ones(
    tmp_path: Path, late_first: bool
) -> None:
    file = tmp_path / "corrections.csv"
    of_a_copy = replace(RELABELLED, path="dog/copy.jpg")
    both = [of_a_copy, KEPT] if late_first else [KEPT, of_a_copy]

    write_corrections(file, both)

    assert read_corrections(file) == [of_a_copy]
    assert len(file.read_text().splitlines()) == 2


def test_last_of_two_rows_without_a_time_counts(tmp_path: Path) -> None:
    rows = (row(), row(decision="relabel", new_label="dog"))

    assert read(tmp_path, HEADING, *rows) == [replace(RELABELLED, decided=None)]


def test_copies_are_left_out_one_by_one() -> None:
    first, second = (Correction(path, SHA, "cat", LEAVE_OUT) for path in ("cat/1", "cat/2"))
    other = Correction("cat/1", "cd" * 32, "cat", KEEP)
    found = with_correction(with_correction([other], first), second)

    assert found == [other, first, second]
    assert with_correction(found, replace(KEPT, path="cat/1")) == [
        other,
        second,
        replace(KEPT, path="cat/1"),
    ]
    assert with_correction([replace(KEPT, path="cat/1")], second) == [
        replace(KEPT, path="cat/1"),
        second,
    ]


def test_correction_that_is_taken_back_is_gone() -> None:
    other = replace(KEPT, sha256="cd" * 32)

    assert without([KEPT, other], replace(KEPT, decided=LATER)) == [other]
    assert without([other], KEPT) == [other]


def test_property_depends_on_neither_order_nor_time() -> None:
    other = replace(KEPT, sha256="cd" * 32)

    assert as_property([KEPT, other]) == as_property([other, replace(KEPT, decided=LATER)])


def test_counts_name_what_is_there() -> None:
    left_out = replace(KEPT, decision=LEAVE_OUT)

    assert counts([RELABELLED, RELABELLED, left_out]) == (0, 2, 1)
    assert counts([RELABELLED, left_out, left_out]).sentence == "1 relabelled, 2 left out"
    assert counts([KEPT]).sentence == "1 kept"
    assert counts([]).sentence == ""


REFUSALS = {
    (row(decision="drop"),): ", line 2: the decision drop is none; write keep, relabel, leave_out.",
    (row(), row(path="")): ", line 3: no path; complete the row or remove it.",
    (row(label=""),): ", line 2: no label; complete the row or remove it.",
    (row(sha256="AB" * 32),): (
        f", line 2: the sha256 {'AB' * 32} has not 64 hex digits in lower case; correct the row or "
        "remove it."
    ),
    (row(decision="relabel"),): (
        ", line 2: the decision relabel has no new_label; relabel needs one, and the others have "
        "none."
    ),
    (row(new_label="dog"),): (
        ", line 2: the decision keep has the new_label 'dog'; relabel needs one, and the others "
        "have none."
    ),
    (row(decided="2026-01-31 12:00"),): (
        ", line 2: 2026-01-31 12:00 is no time with a time zone; write one such as "
        "2026-01-31T12:00:00Z, or nothing."
    ),
    (row(decided="noon"),): (
        ", line 2: noon is no time with a time zone; write one such as 2026-01-31T12:00:00Z, or "
        "nothing."
    ),
    (row(path='"two\nlines.jpg"') + ",more",): (
        ", line 3: 7 values where the first line has 6 columns; complete the row or remove it."
    ),
    ('"open',): ", line 2: unexpected end of data; correct the CSV.",
}


@pytest.mark.parametrize(("rows", "said"), REFUSALS.items(), ids=lambda value: str(value)[:40])
def test_row_that_makes_no_sense_is_named(tmp_path: Path, rows: tuple[str, ...], said: str) -> None:
    assert refusal(tmp_path, HEADING, *rows) == said


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "path;sha256", "") == (
        " has no column path and no column sha256 and no column label and no column decision and "
        "no column new_label and no column decided (it has: path;sha256); the first line must be "
        "path,sha256,label,decision,new_label,decided."
    )


def test_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "corrections.csv"
    file.write_text(f"{HEADING}\n{row(label='Kätzchen')}\n", encoding="latin-1")

    with pytest.raises(DataError) as error:
        read_corrections(file)

    assert str(error.value) == f"{file} is not UTF-8 text; save it as CSV UTF-8."


def test_empty_file_is_no_file_of_corrections(tmp_path: Path) -> None:
    (tmp_path / "corrections.csv").write_bytes(b"")

    with pytest.raises(DataError, match=r"has no column path and .* \(it has: none\)"):
        read_corrections(tmp_path / "corrections.csv")


def test_what_cannot_be_read_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read_corrections(tmp_path)

    assert str(error.value) == (
        f"{tmp_path} cannot be read (Is a directory); make it readable, or run with "
        "--corrections none."
    )


def test_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "corrections.csv"
    write_corrections(file, [KEPT])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(ConfigError) as error:
        write_corrections(file, [RELABELLED])

    assert str(error.value) == (
        f"{file} cannot be written (No space left on device); nothing was saved: make its folder "
        "writable, and decide again."
    )
    assert read_corrections(file) == [KEPT]
    assert [path.name for path in tmp_path.iterdir()] == ["corrections.csv"]


DECIDED = st.builds(
    Correction,
    path=st.sampled_from(["cat/1", "cat/2"]),
    sha256=st.sampled_from([SHA, "cd" * 32]),
    label=st.just("cat"),
    decision=st.sampled_from(DECISIONS),
    decided=st.datetimes(timezones=st.just(UTC)),
).map(lambda one: replace(one, new_label="dog" if one.decision == RELABEL else ""))


@given(data=st.data(), decided=st.lists(DECIDED, unique_by=lambda one: one.decided))
def test_order_in_which_corrections_are_written_does_not_matter(
    data: st.DataObject, decided: list[Correction]
) -> None:
    shuffled = data.draw(st.permutations(decided))

    assert as_csv(shuffled) == as_csv(decided)
    assert as_property(shuffled) == as_property(decided)


@settings(max_examples=50)
@given(decided=st.lists(DECIDED, unique_by=lambda one: one.decided))
def test_what_is_kept_of_corrections_contradicts_itself_nowhere(decided: list[Correction]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "corrections.csv")
        write_corrections(file, decided)
        found = read_corrections(file)

    assert set(found) <= set(decided)
    newest = {one.sha256: one for one in sorted(decided, key=lambda one: one.decided or NOON)}
    assert set(newest.values()) <= set(found)
    for one in found:
        others = [other for other in found if other.sha256 == one.sha256 and other != one]
        assert all(other.path != one.path for other in others)
        assert all(LEAVE_OUT in {other.decision, one.decision} for other in others)
