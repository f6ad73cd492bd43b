"""The notebook: as it lies in the repository, and run from top to bottom."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "transfer_learning.ipynb"


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_notebook_is_valid_and_explained() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown"
    assert len(notebook.cells) > len(code_cells(notebook)) > 10


def test_notebook_has_no_stored_outputs() -> None:
    cells = code_cells(nbformat.read(NOTEBOOK, as_version=4))

    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert [cell.execution_count for cell in cells] == [None] * len(cells)


def test_notebook_names_no_place_of_a_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")

    assert re.findall(r"/(?:home|root|tmp|work|usr|opt|Users|mnt)\b|[A-Z]:\\\\", text) == []
    assert set(json.loads(text)["metadata"]) == {"kernelspec", "language_info"}


def test_notebook_is_in_the_style_of_the_project() -> None:
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [ruff, *command, NOTEBOOK], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=900, resources=resources).execute()

    output = tmp_path / "warmstart-output"
    (version,) = (folder for folder in (output / "models").iterdir() if folder.name.isdecimal())
    assert (version / "saved_model.pb").is_file()
    (logs, _) = sorted((output / "runs").iterdir())
    assert "frozen 1/" in (logs / "logs" / "Trainer.txt").read_text()

    said = {cell.source: _said(cell) for cell in code_cells(notebook)}
    shown = _of(said, "show_run(OUTPUT)")
    assert f"Pushed to {version}" in shown
    assert "15 components, 0 of them cached" in shown
    assert "Trainer → Evaluator" in _of(said, "show_graph(OUTPUT)")
    assert '<iframe sandbox=""' in _of(said, "show_report(OUTPUT)")
    assert "PushedModel" in _of(said, "show_lineage(")
    assert "unfinished" in _of(said, "show_history(OUTPUT)")
    assert "fine-tuned 1/1: loss" in _of(said, 'context.run(components["Trainer"])\n\n(model,)')
    assert " sure; it is one of " in _of(said, "served.classify(")
    # What libraries print is not for whoever reads a notebook.
    noise = ("WARNING:absl", "INFO:tensorflow", "WARNING:root")
    assert [word for text in said.values() for word in noise if word in text] == []


def _of(said: dict[str, str], source: str) -> str:
    """Returns what the cell said whose source contains a text."""
    (found,) = [text for code, text in said.items() if source in code]
    return found


def _said(cell: Any) -> str:
    parts = [output.get("text", "") for output in cell.outputs]
    for output in cell.outputs:
        parts += [text for kind, text in output.get("data", {}).items() if "text/" in kind]
    return "\n".join(parts)
