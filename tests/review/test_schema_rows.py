"""Tests of reading schemas as rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from pipeline_runs import PipelineRuns
from placed_artifacts import artifact_of, placed

from review.schema_rows import SchemaRow, schema_in, transform_in
from schemas.image_example import image_example_schema


def test_schema_of_photos_is_told_feature_by_feature(tmp_path: Path) -> None:
    text = text_format.MessageToString(image_example_schema(["ok", "bad"]))
    files, artifact = placed(tmp_path, {"schema.pbtxt": text.encode()})

    found = schema_in(files, artifact)

    assert found is not None
    rows = {row.name: row for row in found}
    one = (1,)
    assert rows["image"] == SchemaRow("image", "BYTES", one, True, "image")
    assert rows["label"] == SchemaRow("label", "BYTES", one, True, "one of 2 values", ("bad", "ok"))
    assert rows["width"] == SchemaRow("width", "INT", one, True, "1 or more")
    assert rows["contrast"] == SchemaRow("contrast", "FLOAT", one, True, "0 to 0.5")


def test_schema_of_others_is_told_as_far_as_it_goes(tmp_path: Path) -> None:
    text = """
        feature { name: "a" }
        feature { name: "b" type: INT shape { dim { size: 2 } dim { } } int_domain { max: 9 } }
        feature { name: "c" type: BYTES shape { } domain: "gone" }
        feature { name: "d" type: BYTES string_domain { value: "x" } }
    """
    files, artifact = placed(tmp_path, {"schema.pbtxt": text.encode()})

    assert schema_in(files, artifact) == (
        SchemaRow("a", "", None, False),
        SchemaRow("b", "INT", (2, None), False, "9 or less"),
        SchemaRow("c", "BYTES", (), False),
        SchemaRow("d", "BYTES", None, False, "one of 1 values", ("x",)),
    )


def test_graph_of_a_real_run_tells_what_goes_in_and_comes_out(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with artifact_of(first_run[0], "Transform", "transform_graph") as (history, artifact):
        found = transform_in(history.files, artifact)
        assert schema_in(history.files, artifact) is None

    assert found is not None
    assert [(row.name, row.dtype, row.shape) for row in found.transformed] == [
        ("image_xf", "BYTES", ()),
        ("label_xf", "BYTES", ()),
        ("source_xf", "INT", ()),
    ]
    assert {"image", "label", "width"} <= {row.name for row in found.raw}


@pytest.mark.parametrize("content", [b"\xff", b"feature {", b'name: "a"', b"feature { " * 10_000])
def test_what_is_no_schema_is_none(tmp_path: Path, content: bytes) -> None:
    files, artifact = placed(tmp_path, {"schema.pbtxt": content})

    assert schema_in(files, artifact) is None
    assert transform_in(files, artifact) is None
