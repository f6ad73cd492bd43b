"""Tests of reading a store that TFX's own components wrote, without our record."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline

from pipelines.folders import OutputFolders
from review.comparison import compare
from review.history import History
from review.lineage import lineage_of
from review.removal import plan_removal
from review.results import RunResults, results_of
from review.store import opened
from review.why import explain

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> OutputFolders:
    """Three runs of TFX's LocalDagRunner: new, unchanged, and with another row."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "data").mkdir()
    rows = "width,label\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(20))
    (folder / "data" / "rows.csv").write_text(rows)
    output = OutputFolders(folder / "output")
    run(output, folder / "data")
    run(output, folder / "data")
    (folder / "data" / "rows.csv").write_text(rows + "99,a\n")
    run(output, folder / "data")
    return output


def run(output: OutputFolders, data: Path) -> None:
    example_gen = CsvExampleGen(input_base=str(data))
    statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = SchemaGen(statistics=statistics_gen.outputs["statistics"])
    pipeline = Pipeline(
        pipeline_name="foreign",
        pipeline_root=str(output.artifacts),
        components=[example_gen, statistics_gen, schema_gen],
        metadata_connection_config=sqlite_metadata_connection_config(str(output.metadata)),
        enable_cache=True,
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=none"],
    )
    LocalDagRunner().run(pipeline)


def test_runs_of_tfx_are_explained_as_far_as_they_are_recorded(output: OutputFolders) -> None:
    with opened(output) as store:
        history = History(store, output.root)
        third, second, first = history.read(history.runs())
        told = {
            run.name: {node: why.sentence for node, why in explain(history, run).items()}
            for run in (first, second, third)
        }

    assert [run.state for run in (first, second, third)] == ["succeeded"] * 3
    assert first.pipeline == "foreign"
    assert set(told[first.name].values()) == {"it never ran before."}
    for sentence in told[second.name].values():
        assert sentence.startswith(f"reused from run {first.name}, ")
        assert sentence.endswith(" old; its files are there.")
    unknown = "another artifact, and whether its content differs is not recorded"
    cause = "First cause: CsvExampleGen: the files of the data folder changed."
    assert told[third.name] == {
        "CsvExampleGen": f"the files of the data folder changed since run {first.name}.",
        "StatisticsGen": f"examples: {unknown} since run {first.name}. {cause}",
        "SchemaGen": f"statistics: {unknown} since run {first.name}. {cause}",
    }


def test_what_tfx_does_not_record_is_none(output: OutputFolders) -> None:
    with opened(output) as store:
        history = History(store, output.root)
        third, second, _ = history.read(history.runs())
        found = compare(history, second, third)

        assert results_of(history, [third]) == [RunResults(metrics={})]
    assert (found.configuration, found.code, found.data, found.photos) == (None,) * 4
    assert found.schema == ()


def test_lineage_of_a_schema_ends_at_the_examples(output: OutputFolders) -> None:
    with opened(output) as store:
        history = History(store, output.root)
        schema = next(one for one in history.all_artifacts() if one.type == "Schema")
        found = lineage_of(store, history, schema.id, 9)

    assert [one.artifact.type for one in found.ancestors] == ["ExampleStatistics", "Examples"]
    assert len(found.used_in) == 2


def test_nothing_of_a_kept_run_can_be_removed(output: OutputFolders) -> None:
    with opened(output) as store:
        history = History(store, output.root)
        assert plan_removal(history, output).artifacts == ()


def test_artifacts_that_are_gone_are_said_to_be(output: OutputFolders, tmp_path: Path) -> None:
    copy = OutputFolders(shutil.copytree(output.root, tmp_path / "copy"))
    kept = output.artifacts.rename(output.artifacts.with_name("away"))
    try:
        with opened(copy) as store:
            history = History(store, output.root)
            _, second, _ = history.read(history.runs())
            sentence = explain(history, second)["SchemaGen"].sentence
    finally:
        kept.rename(output.artifacts)

    assert sentence.endswith("; its files are gone from disk: Schema.")
