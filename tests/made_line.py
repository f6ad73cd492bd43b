"""A pipeline that is made by hand: each step takes what the one before it made."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from made_store import CACHED, MadeStore


class Line:
    """Adds steps to runs in a store of its own."""

    def __init__(self, root: Path) -> None:
        self.made = MadeStore(root)
        self._count = 0

    def photos(self, run: str, *rows: str, groups: Any = ()) -> int:
        survey = json.dumps({"duplicate_groups": groups})
        table = "\n".join(["path,label,split,sha256", *rows, ""])
        files = {"photos.csv": table, "survey.json": survey}
        outputs = {
            "examples": self._artifact("Examples"),
            "quarantine": self._artifact("Quarantine", files),
        }
        return self.made.execution(run, "ImageExampleGen", outputs=outputs)[0]

    def transformed(self, run: str, examples: int, *, cache: int | None = None) -> int:
        inputs = {"analyzer_cache": cache} if cache else {}
        inputs |= {"examples": examples}
        outputs = {"transformed_examples": self._artifact("Examples")}
        return self.made.execution(run, "Transform", inputs=inputs, outputs=outputs)[0]

    def cache(self, run: str, examples: int) -> int:
        outputs = {"updated_analyzer_cache": self._artifact("TransformCache")}
        inputs = {"examples": examples}
        return self.made.execution(run, "Transform", inputs=inputs, outputs=outputs)[0]

    def model(self, run: str, examples: int) -> int:
        outputs = {"model": self._artifact("Model")}
        return self.made.execution(run, "Trainer", inputs={"examples": examples}, outputs=outputs)[
            0
        ]

    def reused(self, run: str, examples: int, model: int) -> None:
        self.made.execution(
            run,
            "Trainer",
            inputs={"examples": examples},
            outputs={"model": self.made.known(model)},
            state=CACHED,
        )

    def evaluation(self, run: str, model: int, examples: int, split: str, **said: Any) -> int:
        blessing = self._artifact("ModelBlessing", blessed=int(said.pop("blessed", True)))
        evaluation = self._artifact(
            "ModelEvaluation", {"measured.json": json.dumps({"confusion": {"ok": {}, "bad": {}}})}
        )
        if said:
            stream = io.BytesIO()
            pq.write_table(pa.table(said), stream)
            Path(evaluation.uri, "answers-0.parquet").write_bytes(stream.getvalue())
        inputs = {"model": model, "examples": examples}
        outputs = {"evaluation": evaluation, "blessing": blessing}
        return self.made.execution(run, "Evaluator", inputs=inputs, outputs=outputs, split=split)[0]

    def pushed(self, run: str, model: int, place: str) -> int:
        artifact = self._artifact("PushedModel", pushed=1, pushed_destination=place)
        outputs = {"pushed_model": artifact}
        return self.made.execution(run, "Pusher", inputs={"model": model}, outputs=outputs)[0]

    def _artifact(self, kind: str, files: Any = None, **properties: Any) -> Any:
        self._count += 1
        return self.made.artifact(kind, f"{kind}/{self._count}", files or {}, **properties)
