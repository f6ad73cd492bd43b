"""Tests of reading compiled pipelines, and of what else a file may hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from made_spec import write_spec

from pipelines.kubeflow_client.spec_file import read_spec_file
from schemas.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[3]
HINT = "compile one with `warmstart pipeline compile --engine kubeflow --output FILE.yaml`"


def test_parameters_have_types_and_defaults(tmp_path: Path) -> None:
    spec = read_spec_file(write_spec(tmp_path / "p.yaml"))

    assert spec.name == "warmstart-photos"
    found = {one.name: (one.type, one.default, one.required) for one in spec.parameters.values()}
    assert found == {
        "data": ("STRING", None, True),
        "frozen-epochs": ("NUMBER_INTEGER", 10.0, False),
        "learning-rate": ("NUMBER_DOUBLE", 0.001, False),
        "deterministic": ("BOOLEAN", False, False),
        "classes": ("LIST", None, False),
        "thresholds": ("STRUCT", None, False),
    }


def test_the_made_pipeline_is_one_to_the_sdk(tmp_path: Path) -> None:
    from kfp.components import load_component_from_file

    assert load_component_from_file(str(write_spec(tmp_path / "p.yaml"))).name == "warmstart-photos"


def test_digest_is_of_the_content_only(tmp_path: Path) -> None:
    first = write_spec(tmp_path / "first.yaml")
    documents = [dict(reversed(one.items())) for one in yaml.safe_load_all(first.read_text())]
    second = tmp_path / "second.yaml"
    second.write_text(f"# Again.\n{yaml.safe_dump_all(documents, sort_keys=False)}")
    other = write_spec(tmp_path / "other.yaml", image="example.org/warmstart:2")

    digests = [read_spec_file(file).digest for file in (first, second, other)]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 12


def test_a_pipeline_without_a_platform_is_its_spec_alone(tmp_path: Path) -> None:
    file = write_spec(tmp_path / "p.yaml")
    pipeline, _ = yaml.safe_load_all(file.read_text())
    file.write_text(yaml.safe_dump(pipeline))

    assert read_spec_file(file).spec == pipeline


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "holds no mapping"),
        ("- a\n", "holds no mapping"),
        ("a: [1\n", "is no YAML (did not find expected ',' or ']')"),
        ("a: 2026-13-45\n", "is no YAML (month must be in 1..12)"),
        ("a: !!bool maybe\n", "is no YAML ('maybe')"),
        ("a: !!timestamp noon\n", "is no YAML ('NoneType' object has no attribute 'groupdict')"),
        ("a: 1\n3: 4\n", "holds what JSON cannot say"),
        ("a: &a [*a]\n", "holds what JSON cannot say"),
        ("a: 1\n", "has no pipelineInfo with a name, or no root"),
        ("pipelineInfo: text\nroot: {}\n", "has no pipelineInfo with a name, or no root"),
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n",
            "is a workflow of Kubeflow Pipelines 1",
        ),
        ("apiVersion: 1\n", "has no pipelineInfo with a name, or no root"),
        (
            "pipelineInfo: {name: a}\nroot: {}\nschemaVersion: 2.0.0\n",
            "has schemaVersion '2.0.0' where 2.1.0 is wanted",
        ),
        (
            "pipelineInfo: {name: a}\nroot: {}\nschemaVersion: 2.1.0\n---\nb: 1\n",
            "has further parts beside the pipeline's spec",
        ),
    ],
)
def test_another_file_is_one_sentence(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(content)

    with pytest.raises(ConfigError) as caught:
        read_spec_file(file)
    assert str(caught.value) == f"{file} {why}, so it is no compiled pipeline; {HINT}."


def test_a_job_for_vertex_is_told_where_it_belongs() -> None:
    file = REPOSITORY / "kubeflow" / "golden" / "vertex.json"

    with pytest.raises(ConfigError) as caught:
        read_spec_file(file)
    assert str(caught.value) == (
        f"{file} is a job for Vertex AI, which these commands know nothing of; docs/kubeflow.md "
        f"says how to start it, and for Kubeflow Pipelines {HINT}."
    )


def test_a_binary_file_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(b"\x89PNG\r\n\xff")
    with pytest.raises(ConfigError, match=r"p\.yaml is no YAML \('utf-8' codec can't decode"):
        read_spec_file(file)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_spec_file(tmp_path / "none.yaml")
    assert str(caught.value) == f"{tmp_path / 'none.yaml'}: there is no such file; {HINT}."
    with pytest.raises(ConfigError) as caught:
        read_spec_file(tmp_path)
    assert str(caught.value) == f"{tmp_path} cannot be read: Is a directory."
