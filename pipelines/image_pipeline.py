"""The chain, from a folder of photos to a pushed model."""

from __future__ import annotations

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2

from components.dataset.corrections import NO_CORRECTIONS, Corrected
from components.distribution_validator.baseline import STATISTICS_KEY
from components.distribution_validator.component import DistributionValidator
from components.embedder.component import Embedder
from components.evaluator.baseline import MODEL_KEY
from components.evaluator.component import Evaluator
from components.image_example_gen.component import ImageExampleGen
from components.label_review.component import LabelReview
from components.pusher.component import Pusher
from components.report_gen.component import ReportGen
from components.schema_gen.component import SchemaGen
from components.serving_validator.component import ServingValidator
from components.statistics_gen.split_statistics import stats_options
from components.trainer.component import Trainer
from pipelines.baselines import RESOLVED, Baselines
from pipelines.component_properties import component_properties
from pipelines.config import PipelineConfig
from pipelines.engines.arguments import IN_MEMORY
from pipelines.folders import OutputFolders
from pipelines.metadata_store import connection


def create_pipeline(
    config: PipelineConfig,
    *,
    data: str,
    output: OutputFolders,
    corrected: Corrected = NO_CORRECTIONS,
    baselines: Baselines = RESOLVED,
) -> Pipeline:
    """Builds the pipeline without running or reading anything.

    Args:
        config: what to do.
        data: the folder of photos, a manifest or an archive.
        output: where artifacts, metadata and models go.
        corrected: what a person decided about these photos.
        baselines: where earlier photos and models are found, to compare with.
    """
    told = component_properties(config, data=data, corrected=corrected)

    # Photos become examples, each in the training or the evaluation split; files that cannot be
    # used are listed.
    example_gen = ImageExampleGen(**told["ImageExampleGen"])
    examples = example_gen.outputs["examples"]

    # Sizes, brightness and labels are counted, and what no photo may have is reported.
    statistics_gen = StatisticsGen(examples=examples, stats_options=stats_options())
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = SchemaGen(statistics=statistics, **told["SchemaGen"])
    schema = schema_gen.outputs["schema"]
    example_validator = ExampleValidator(statistics=statistics, schema=schema)

    # So is skew between the splits, and drift since the latest run on other photos.
    earlier_statistics = baselines.statistics(statistics)
    distribution_validator = DistributionValidator(
        statistics=statistics,
        baseline_statistics=earlier_statistics.outputs[STATISTICS_KEY],
        **told["DistributionValidator"],
    )

    # Photos are decoded and resized, once for both stages of training.
    transform = Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        disable_statistics=True,  # They would count the bytes of photos, before and after.
        disable_analyzer_cache=True,  # No later run would be given it.
        **told["Transform"],
    )

    # The frozen part of the backbone sees every photo, and changed views of it, once.
    embedder = Embedder(
        examples=transform.outputs["transformed_examples"],
        statistics=statistics,
        **told["Embedder"],
    )

    # Labels that do not fit what it saw are listed for a person to look at.
    label_review = LabelReview(
        examples=examples,
        embeddings=embedder.outputs["embeddings"],
        quarantine=example_gen.outputs["quarantine"],
        **told["LabelReview"],
    )

    # A head is trained on what it saw, then the backbone's upper layers with it.
    trainer = Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        embeddings=embedder.outputs["embeddings"],
        **told["Trainer"],
    )
    model = trainer.outputs["model"]

    # The model is measured on the evaluation photos, beside the latest one that was blessed.
    earlier_model = baselines.model(model)
    evaluator = Evaluator(
        examples=examples,
        model=model,
        baseline_model=earlier_model.outputs[MODEL_KEY],
        **told["Evaluator"],
    )

    # It is asked in a process without this project, and must answer as it did in training.
    serving_validator = ServingValidator(
        model=model,
        model_run=trainer.outputs["model_run"],
        examples=examples,
        **told["ServingValidator"],
    )

    # What was found out is written down, for people and for programs.
    report_gen = ReportGen(
        inputs={
            "examples": examples,
            "quarantine": example_gen.outputs["quarantine"],
            "statistics": statistics,
            "anomalies": example_validator.outputs["anomalies"],
            "distribution_anomalies": distribution_validator.outputs["anomalies"],
            "suspicions": label_review.outputs["suspicions"],
            "model": model,
            "model_run": trainer.outputs["model_run"],
            "evaluation": evaluator.outputs["evaluation"],
            "blessing": evaluator.outputs["blessing"],
            "infra_blessing": serving_validator.outputs["blessing"],
        },
        **told["ReportGen"],
    )

    # A model that passed both is put where it is served from.
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_validator.outputs["blessing"],
        about={
            "evaluation": evaluator.outputs["evaluation"],
            "report": report_gen.outputs["report"],
            "statistics": statistics,
        },
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(output.models))
        ),
        **told["Pusher"],
    )

    components: list[BaseNode] = [
        example_gen,
        statistics_gen,
        schema_gen,
        example_validator,
        earlier_statistics,
        distribution_validator,
        transform,
        embedder,
        label_review,
        trainer,
        earlier_model,
        evaluator,
        serving_validator,
        report_gen,
        pusher,
    ]
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(output.artifacts),
        metadata_connection_config=connection(output),
        components=components,
        enable_cache=True,
        # Another engine takes their place when a component is launched: it is in no cache key.
        beam_pipeline_args=[*IN_MEMORY],
    )
