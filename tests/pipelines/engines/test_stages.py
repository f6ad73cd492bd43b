"""Every stage of Beam in other processes: what cannot be sent there, or exists only here, fails."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from pipeline_runs import QUICK, PipelineRuns, copy_sample

from components.batch_predict.engine import predict_with_beam
from components.embedder.artifact import view_files
from components.evaluator.answers import read_answers
from components.serving.source import PushedSource
from components.statistics_gen.split_statistics import SplitStatistics
from pipelines.config import load_config
from pipelines.content_digest import examples_digest
from pipelines.engines.arguments import IN_MEMORY
from pipelines.folders import prepare_output
from pipelines.local_runner import compiled_pipeline
from pipelines.pipeline_run import PipelineRun
from schemas import features

CLASSES = ["birds", "food", "mammals", "plants"]
SPLITS = ("train", "eval")


@dataclass
class Stages:
    """The stages of the first run, one at a time, on engines of choice; nothing else is changed."""

    runs: PipelineRuns
    folder: Path
    in_memory: dict[str, dict[str, Path]] = field(default_factory=dict)

    def expected(self, stage: str) -> dict[str, Path]:
        """Returns what the stage makes in this process."""
        if stage not in self.in_memory:
            self.in_memory[stage] = self.run(stage, IN_MEMORY)
        return self.in_memory[stage]

    def run(self, stage: str, arguments: Sequence[str]) -> dict[str, Path]:
        """Runs a stage; what comes before it is taken from the cache. Returns its outputs."""
        output = prepare_output(self.folder / f"{len(list(self.folder.iterdir()))}-{stage}")
        # What is made here must not be found by later runs.
        shutil.copy(self.runs.output.metadata, output.metadata)
        config = load_config(None, [*QUICK])
        compiled = compiled_pipeline(config, data=str(self.runs.data), output=output)
        run = PipelineRun(compiled, "stages", beam_arguments=arguments)
        for node in run.nodes:
            asked = node.node_info.id == stage
            node.execution_options.caching_options.enable_cache = not asked
            execution = run.run_node(node)
            if asked:
                return {
                    name: Path(artifact.uri) for name, (artifact,) in execution.output_dict.items()
                }
        raise AssertionError(stage)


@pytest.fixture(scope="module")
def stages(
    first_run: tuple[PipelineRuns, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Stages:
    return Stages(first_run[0], tmp_path_factory.mktemp("stages"))


def embeddings_of(folder: Path, split: str, view: int) -> dict[bytes, Any]:
    """Returns the embedding of each photo by its digest."""
    found = {}
    for record in tf.data.TFRecordDataset(view_files(str(folder), split, view)):
        values = tf.train.Example.FromString(record.numpy()).features.feature
        embedding = values["embedding"].bytes_list.value[0]
        found[values["digest"].bytes_list.value[0]] = np.frombuffer(embedding, np.float32)
    return found


def test_examples_are_those_of_this_process(stages: Stages, arguments: list[str]) -> None:
    expected = stages.expected("ImageExampleGen")
    made = stages.run("ImageExampleGen", arguments)

    assert examples_digest(made["examples"]) == examples_digest(expected["examples"])
    for file in ("photos.csv", "survey.json"):
        assert (made["quarantine"] / file).read_bytes() == (
            expected["quarantine"] / file
        ).read_bytes()


def test_statistics_are_those_of_this_process(stages: Stages, arguments: list[str]) -> None:
    expected = stages.expected("StatisticsGen")["statistics"]
    made = stages.run("StatisticsGen", arguments)["statistics"]

    for split in SPLITS:
        found, wanted = (SplitStatistics.read(str(folder), split) for folder in (made, expected))
        assert (found.photos, found.classes) == (wanted.photos, wanted.classes)
        assert found.classes
        for feature in (features.BRIGHTNESS, features.WIDTH):
            assert found.summary(feature) == wanted.summary(feature)


def test_transformed_examples_are_those_of_this_process(
    stages: Stages, arguments: list[str]
) -> None:
    expected = stages.expected("Transform")
    made = stages.run("Transform", arguments)

    name = "transformed_examples"
    assert examples_digest(made[name]) == examples_digest(expected[name])
    vocabulary = made["transform_graph"] / "transform_fn/assets/classes.tfrecord.gz"
    names = tf.data.TFRecordDataset(str(vocabulary), "GZIP").as_numpy_iterator()
    assert sorted(name.decode() for name in names) == CLASSES


def test_embeddings_are_those_of_this_process(stages: Stages, arguments: list[str]) -> None:
    expected = stages.expected("Embedder")["embeddings"]
    made = stages.run("Embedder", arguments)["embeddings"]

    for split, view in (("train", 0), ("train", 1), ("eval", 0)):
        found, wanted = (embeddings_of(folder, split, view) for folder in (made, expected))
        assert found
        assert found.keys() == wanted.keys()
        for digest, embedding in wanted.items():
            # In another batch, sums are taken in another order.
            np.testing.assert_allclose(found[digest], embedding, atol=1e-3)


def test_answers_are_those_of_this_process(stages: Stages, arguments: list[str]) -> None:
    expected = stages.expected("Evaluator")["evaluation"]
    made = stages.run("Evaluator", arguments)["evaluation"]
    found, wanted = (read_answers(str(folder), CLASSES) for folder in (made, expected))
    order, expected_order = (
        sorted(range(len(answers.paths)), key=answers.paths.__getitem__)
        for answers in (found, wanted)
    )

    assert [found.paths[n] for n in order] == [wanted.paths[n] for n in expected_order]
    assert order
    np.testing.assert_allclose(
        found.probabilities[order], wanted.probabilities[expected_order], atol=1e-5
    )


def test_predictions_are_those_of_this_process(
    pushed_model: Path, tmp_path: Path, arguments: list[str]
) -> None:
    photos = copy_sample(tmp_path / "photos", photos_per_class=2)
    tables = []
    for name, engine in (("made.csv", arguments), ("expected.csv", [*IN_MEMORY])):
        summary = predict_with_beam(
            PushedSource(pushed_model),
            str(photos),
            output=str(tmp_path / name),
            shards=1,
            options=engine,
        )
        assert summary is not None
        assert (summary.photos, summary.unreadable) == (8, 0)
        with (tmp_path / name).open(newline="") as file:
            tables.append({row["path"]: row["label"] for row in csv.DictReader(file)})

    made, expected = tables
    assert made == expected
    assert len(made) == 8
