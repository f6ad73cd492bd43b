"""The compiled pipelines that are kept in the repository are what the compiler writes today.

`make kubeflow-golden` writes them anew. Digests of code are masked: they change with each line.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pipelines.kubeflow_runner import as_yaml
from pipelines.vertex_runner import as_json

# In JSON within text, in YAML, and in JSON.
_DIGEST = re.compile(
    r'(code_digest(?:\\?": \\?"|:\s+runtimeValue:\s+constant: |": \{\s+"runtimeValue": '
    r'\{\s+"constant": "))\'?[0-9a-f]{16}\'?'
)


def test_compiled_pipeline_is_the_one_that_is_kept(
    documents: list[dict[str, Any]], golden: Path
) -> None:
    check(golden / "pipeline.yaml", as_yaml(documents))


def test_compiled_job_for_vertex_is_the_one_that_is_kept(job: dict[str, Any], golden: Path) -> None:
    check(golden / "vertex.json", as_json(job))


def check(kept: Path, compiled: str) -> None:
    """Compares with what is kept, or keeps it."""
    written = _DIGEST.sub(r"\1masked", compiled)
    if os.environ.get("WARMSTART_REFRESH_GOLDEN"):
        kept.write_text(written, encoding="utf-8")

    assert written.count("masked") == 10  # Of each component of ours but Pusher, and of Transform.
    assert kept.read_text(encoding="utf-8") == written, "make kubeflow-golden writes it anew"
