"""An output folder as someone may send it: every name in its store is made to do harm."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from made_store import CACHED, FAILED, RUNNING, MadeStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from PIL import Image
from record_files import example, record

from pipelines.folders import OutputFolders
from schemas import run_record

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
QUOTES = "\"'><svg onload=alert(1)>{{ 7 * 7 }}{% raw %}"
# Marks that turn the direction of what follows.
TURNED = "ab\u202egnp.exe\u2066"
LINES = "first\nsecond\r\nthird\tfourth"
LONG = "w" * 300
HOSTILE_NAMES = (IMAGE, QUOTES, TURNED, LINES, LONG, SCRIPT, "../../secret", "javascript:alert(1)")

# Classes of photos.
LABELS = (IMAGE, "a/../b\nc")

# What must never be shown.
SECRET = "the-content-of-a-file-outside"


@dataclass(frozen=True)
class HostileStore:
    """An output folder beside a folder with secrets.

    Attributes:
        output: the folder that is reviewed.
        outside: what lies beside it.
        artifacts: ids by the place that they name.
        runs: ids by their names.
    """

    output: OutputFolders
    outside: Path
    artifacts: dict[str, int]
    runs: dict[str, int]


def make_hostile_store(folder: Path) -> HostileStore:
    """Writes it."""
    outside = folder / "outside"
    outside.mkdir(parents=True)
    secret = json.dumps({"metrics": {SECRET: 0.5}, "photos": 7, "run_id": SECRET})
    for name in ("secret.txt", "report.html", "measured.json", "log.txt", "Trainer.txt"):
        (outside / name).write_text(f"{secret}\n{SECRET}" if name != "measured.json" else secret)
    (outside / "assets.extra").mkdir()
    (outside / "assets.extra" / "warmstart.json").write_text(secret)

    root = folder / "output"
    root.mkdir()
    made = MadeStore(root)
    runs = {name: _put_run(made, name) for name in HOSTILE_NAMES}
    artifacts = {place: _put_artifact(made, place) for place in _places(root, outside)}
    made.execution("goes on", IMAGE, state=RUNNING)
    _spoil(made.output)
    _lay_links(made.output, outside)
    return HostileStore(made.output, outside, artifacts, runs)


def _places(root: Path, outside: Path) -> list[str]:
    """Returns what a store may say about where an artifact lies, each to get out of the root."""
    inner = root / "artifacts" / "link"
    up = "../" * 12
    return [
        str(outside),
        f"file://{outside}",
        f"{root}/../outside",
        f"{root}/artifacts/../../outside",
        f"{root}/artifacts/%2e%2e/%2e%2e/outside",
        f"{root}/artifacts/%252e%252e/%252e%252e/outside",
        f"{root}/artifacts\\..\\..\\outside",
        f"{root}/artifacts/a;/../../outside",
        f"{root}/artifacts/a#/../../../outside",
        f"{root}/artifacts/a?/../../../outside",
        f"http://{root}/?/{up}{outside}",
        f"http:///?/{up}etc",
        f"file://{root}/?/{up}{outside}",
        f"file://localhost{outside}",
        f"file:///{outside}",
        f"//{str(outside).lstrip('/')}",
        "C:\\Windows",
        "C:../../outside",
        "\\\\host\\share",
        "/etc",
        "/proc/self",
        "/dev/stdin",
        "..",
        "",
        str(root),
        str(inner),
        str(root / "artifacts" / "pipe"),
        "javascript:alert(1)",
        f"{root}/artifacts/{IMAGE}",
    ]


def _put_artifact(made: MadeStore, place: str) -> int:
    """Puts an artifact of each type that is opened by someone, so that it is tried."""
    artifacts: dict[str, Any] = {}
    for kind in ("ModelEvaluation", "Report"):
        type_id = made.store.put_artifact_type(mlmd.ArtifactType(name=kind))
        artifact = mlmd.Artifact(type_id=type_id, uri=place, state=mlmd.Artifact.LIVE)
        artifact.custom_properties[IMAGE].string_value = QUOTES
        artifacts[kind] = artifact
    return made.execution(f"place {place}", "Evaluator", outputs=artifacts)[0]


def _put_run(made: MadeStore, name: str) -> int:
    measured = {
        "photos": 3,
        "metrics": {"accuracy": 0.5, name: 0.25, "huge": 10**400, "none": "x", SCRIPT: 1},
        "intervals": {"accuracy": [0.1, 0.9], name: [SCRIPT, None], SCRIPT: 3},
        "reasons": [name, {"a": SCRIPT}],
        "confusion": {label: {} for label in LABELS},
    }
    number = made.store.get_artifacts()
    folder = f"Evaluator/evaluation/{len(number)}"
    evaluation = made.artifact(
        "ModelEvaluation", folder, {"measured.json": json.dumps(measured), "report.html": SCRIPT}
    )
    blessing = made.artifact("ModelBlessing", f"{folder}b", {}, blessed=0, note=name)
    pushed = made.artifact("PushedModel", f"{folder}p", {}, pushed=1, pushed_destination=f"/{name}")
    made.execution(
        name,
        "Evaluator",
        outputs={"evaluation": evaluation, name or "x": blessing, "pushed": pushed},
        **_bad_record(name),
    )
    made.execution(
        name,
        IMAGE,
        state=FAILED,
        **{run_record.ERROR: name, run_record.SECONDS: 2.0, name: name, "json": "[" * 9999},
    )
    if name in {IMAGE, QUOTES}:
        _put_photos(made, name, evaluation)
    made.execution(name, "Trainer", state=CACHED, key=name, ratio=3.0, text=_bomb())
    context = made.context(
        "pipeline_run",
        name,
        **{
            run_record.NODES: json.dumps([name, "Trainer"]) if name != IMAGE else "[" * 9999,
            run_record.CONFIGURATION: _bomb()
            if name == QUOTES
            else f"a: {name!r}\nb: 2001-01-01\n",
            run_record.DATA: name,
            run_record.VERSION: SCRIPT,
            run_record.COMMIT: QUOTES,
        },
    )
    return int(context.id)


def _put_photos(made: MadeStore, run: str, evaluation: Any) -> None:
    """Puts photos with hostile names and contents, and what a model said of them."""
    table, answers, suspicions = io.StringIO(), io.BytesIO(), io.StringIO()
    rows = [
        (f"{name}.jpg", LABELS[number % len(LABELS)], "train" if number % 2 else "eval", content)
        for number, (name, content) in enumerate(zip(HOSTILE_NAMES, _contents(), strict=True))
    ]
    photos = csv.writer(table)
    photos.writerow(["path", "label", "split", "sha256"])
    photos.writerows((*row[:3], hashlib.sha256(row[3]).hexdigest()) for row in rows)
    looks_wrong = csv.writer(suspicions)
    looks_wrong.writerow(["path", "class", "suggested", "confidence"])
    looks_wrong.writerows([path, label, SCRIPT, "nan"] for path, label, *_ in rows)
    survey = json.dumps({"duplicate_groups": [[row[0] for row in rows], 3, [SCRIPT]]})

    folder = f"ImageExampleGen/{len(made.store.get_artifacts())}"
    examples = made.artifact("Examples", folder, {})
    quarantine = made.artifact(
        "Quarantine", f"{folder}q", {"photos.csv": table.getvalue(), "survey.json": survey}
    )
    number, _ = made.execution(
        run, "ImageExampleGen", outputs={"examples": examples, "quarantine": quarantine}
    )
    model = made.artifact("Model", f"{folder}m", {})
    made.execution(run, SCRIPT, inputs={"examples": number}, outputs={"model": model})
    for split in ("train", "eval"):
        (Path(examples.uri) / f"Split-{split}").mkdir()
        (Path(examples.uri) / f"Split-{split}" / "data").write_bytes(
            b"".join(
                record(example(path=path.encode(), image=content))
                for path, _, of, content in rows
                if of == split
            )
        )
    found = made.artifact(
        "LabelSuspicions", f"{folder}l", {"suspicions.csv": suspicions.getvalue()}
    )
    made.execution(run, "LabelReview", outputs={"suspicions": found})
    evaluated = [row for row in rows if row[2] == "eval"]
    columns = {
        "path": [row[0] for row in evaluated],
        "label": [row[1] for row in evaluated],
        "probabilities": [[0.75, 0.25] for _ in evaluated],
    }
    pq.write_table(pa.table(columns), answers)
    Path(evaluation.uri, "answers-00000-of-00001.parquet").write_bytes(answers.getvalue())


def _contents() -> list[bytes]:
    """Returns files of photos: one, and what would like to be shown as one."""
    photo = io.BytesIO()
    Image.new("RGB", (32, 24), (200, 30, 30)).save(photo, "JPEG", comment=SCRIPT.encode())
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">{SCRIPT}</svg>'.encode()
    files = [photo.getvalue(), svg, b"", b"\xff\xd8\xff", f"<html>{SCRIPT}".encode(), b"GIF89a" * 9]
    return [*files, photo.getvalue()[:-9], b"RIFF\xff\xff\xff\xffWEBP"]


def _bad_record(name: str) -> dict[str, Any]:
    """Returns what our record never holds."""
    outputs = {IMAGE: "no JSON", QUOTES: "[1]", TURNED: '{"1": 2}'}.get(name, "{}")
    return {
        run_record.SECONDS: "soon" if name == IMAGE else 1e300,
        run_record.OUTPUTS: outputs,
        run_record.CODE: SCRIPT,
        run_record.EXECUTOR: SCRIPT,
    }


def _bomb() -> str:
    """Returns YAML of a few lines that stands for 10**12 values."""
    rows = ["a0: &a0 {x: 1}"]
    for level in range(1, 13):
        parts = ", ".join(f"k{n}: *a{level - 1}" for n in range(10))
        rows.append(f"a{level}: &a{level} {{{parts}}}")
    return "\n".join(rows) + "\n"


def _spoil(output: OutputFolders) -> None:
    """Writes what ML Metadata itself does not: endless numbers, and times that no clock shows."""
    with closing(sqlite3.connect(output.metadata)) as database, database:
        for value in (2.0, 3.0):
            database.execute(
                "UPDATE ExecutionProperty SET double_value = 9e999 WHERE double_value = ?", (value,)
            )
        for table, row in (("Execution", 3), ("Artifact", 2), ("Context", 5)):
            database.execute(
                f"UPDATE {table} SET create_time_since_epoch = ? WHERE id = ?",  # noqa: S608
                (9 * 10**18, row),
            )


def _lay_links(output: OutputFolders, outside: Path) -> None:
    """Puts links where the page looks for files."""
    (output.artifacts / "link").symlink_to(outside)
    (outside / "corrections.csv").write_text(f"path,{SECRET}\n")
    os.mkfifo(output.artifacts / "pipe")
    output.models.mkdir()
    (output.models / "1").symlink_to(outside)
    (output.models / "2" / "assets.extra").mkdir(parents=True)
    (output.models / "2" / "assets.extra" / "warmstart.json").symlink_to(outside / "measured.json")
    (output.models / "3" / "assets.extra").mkdir(parents=True)
    for number in ("2", "3"):
        (output.models / number / "saved_model.pb").touch()
    (output.models / "3" / "assets.extra" / "warmstart.json").write_text(
        json.dumps({"run_id": IMAGE, "pushed_at": SCRIPT, "copy_of": -1})
    )
    for name in HOSTILE_NAMES:
        if "/" in name or len(name) > 255:
            continue
        folder = output.runs / name
        (folder / "logs").mkdir(parents=True)
        if name == TURNED:
            (folder / "report.html").symlink_to(outside / "report.html")
            (folder / "logs" / "Trainer.txt").symlink_to(outside / "Trainer.txt")
            (folder / "log.txt").symlink_to(outside / "log.txt")
        else:
            (folder / "report.html").write_text(f"<p>{name}{SCRIPT}<a href='http://elsewhere/'>x")
            for node in ("Trainer", "Evaluator"):
                (folder / "logs" / f"{node}.txt").write_text(
                    f"{name}\n\x1b[31m{SCRIPT}\x00\nValueError: {IMAGE}\n", encoding="utf-8"
                )
    with open(
        os.fsencode(output.artifacts / "Evaluator" / "evaluation" / "0") + b"/\xff.txt", "wb"
    ):
        pass
