"""Tests of reading what a SavedModel can be asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pipeline_runs import PipelineRuns
from placed_artifacts import artifact_of, placed

from review.protos import SavedModel
from review.signatures import Signature, Tensor, signatures_in
from schemas import serving


@pytest.mark.parametrize(("node", "output"), [("Trainer", "model"), ("Pusher", "pushed_model")])
def test_signatures_of_a_real_model_are_those_that_tensorflow_reads(
    first_run: tuple[PipelineRuns, dict[str, str]], node: str, output: str
) -> None:
    import tensorflow as tf

    with artifact_of(first_run[0], node, output) as (history, artifact):
        found = {signature.name: signature for signature in signatures_in(history.files, artifact)}

    folder = next(Path(artifact.uri).rglob("saved_model.pb")).parent
    loaded = tf.saved_model.load(str(folder)).signatures
    assert set(found) == set(loaded)
    assert found[serving.SERVING_BYTES] == Signature(
        serving.SERVING_BYTES,
        (Tensor(serving.IMAGE_BYTES_INPUT, "string", (None,)),),
        (
            Tensor(serving.LABEL_OUTPUT, "string", (None,)),
            Tensor(serving.PROBABILITIES_OUTPUT, "float32", (None, 4)),
        ),
    )
    for name, function in loaded.items():
        outputs = {
            n: (t.dtype.name, tuple(t.shape)) for n, t in function.structured_outputs.items()
        }
        assert {t.name: (t.dtype, t.shape) for t in found[name].outputs} == outputs


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, os.urandom(500)])
def test_broken_model_has_no_signatures(tmp_path: Path, content: bytes) -> None:
    files, artifact = placed(tmp_path, {"Format-Serving/saved_model.pb": content})

    assert signatures_in(files, artifact) == []


def test_unknown_types_and_shapes_are_told_as_such(tmp_path: Path) -> None:
    model = SavedModel()
    signature = model.meta_graphs.add().signature_def["ask"]
    signature.inputs["a"].dtype = 9999
    signature.inputs["a"].tensor_shape.unknown_rank = True
    signature.inputs["b"].dtype = 19
    files, artifact = placed(tmp_path, {"saved_model.pb": model.SerializeToString()})

    assert signatures_in(files, artifact) == [
        Signature("ask", (Tensor("a", "type 9999", None), Tensor("b", "float16", ())), ())
    ]
