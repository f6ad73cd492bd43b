"""The compiled pipeline that is kept in the repository is what the compiler writes today.

`make kubeflow-golden` writes it anew. Digests of code are masked: they change with each line.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pipelines.kubeflow_runner import as_yaml

_DIGEST = re.compile(
    r'(code_digest(?:\\?": \\?"|:\s+runtimeValue:\s+constant: ))\'?[0-9a-f]{16}\'?'
)


def test_compiled_pipeline_is_the_one_that_is_kept(
    documents: list[dict[str, Any]], golden: Path
) -> None:
    written = _DIGEST.sub(r"\1masked", as_yaml(documents))
    kept = golden / "pipeline.yaml"
    if os.environ.get("WARMSTART_REFRESH_GOLDEN"):
        kept.write_text(written, encoding="utf-8")

    assert written.count("masked") == 10  # Of each component of ours but Pusher, and of Transform.
    assert kept.read_text(encoding="utf-8") == written, "make kubeflow-golden writes it anew"
