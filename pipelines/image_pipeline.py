"""The chain, from a folder of photos to a pushed model."""

from __future__ import annotations

from typing import Any

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2
from tfx.types import BaseChannel

from components.backbone.weights import weights_digest
from components.code_digest import code_digest
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
from components.transform.preprocessing import IMAGE_SIZE_KEY
from pipelines.baselines import RESOLVED, Baselines
from pipelines.config import MACHINE_KEYS, PipelineConfig, commented_yaml
from pipelines.folders import OutputFolders
from schemas import features

_BEAM_ARGS = [
    # Runs in this process. DirectRunner would first try to download Prism.
    "--runner=FnApiRunner",
    # Not used by that runner. Without it TFX packs its whole source for remote workers, for each
    # component anew (tfx/utils/dependency_utils.py).
    "--sdk_container_image=none",
]


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
    # Photos become examples, each in the training or the evaluation split; files that cannot be
    # used are listed.
    example_gen = ImageExampleGen(
        input_base=data,
        options=config.survey_options,
        corrections=corrected.changing,
        code_digest=code_digest(
            *("components/dataset", "components/image_example_gen"),
            *("components/transform", "schemas"),
        ),
    )
    examples = example_gen.outputs["examples"]

    # Sizes, brightness and labels are counted, and what no photo may have is reported.
    statistics_gen = StatisticsGen(examples=examples, stats_options=stats_options())
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = SchemaGen(
        statistics=statistics,
        code_digest=code_digest("components/schema_gen", "components/statistics_gen", "schemas"),
    )
    schema = schema_gen.outputs["schema"]
    example_validator = ExampleValidator(statistics=statistics, schema=schema)

    # So is skew between the splits, and drift since the latest run on other photos.
    earlier_statistics = baselines.statistics(statistics)
    distribution_validator = DistributionValidator(
        statistics=statistics,
        baseline_statistics=earlier_statistics.outputs[STATISTICS_KEY],
        max_skew=config.statistics.skew.max_distance,
        max_drift=config.statistics.drift.max_distance,
        code_digest=code_digest(
            "components/distribution_validator", "components/statistics_gen", "schemas"
        ),
    )

    # Photos are decoded and resized, once for both stages of training.
    transform = Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        disable_statistics=True,  # They would count the bytes of photos, before and after.
        custom_config={
            IMAGE_SIZE_KEY: config.image_size,
            "code_digest": code_digest("components/transform", "schemas"),
        },
    )

    # The frozen part of the backbone sees every photo, and changed views of it, once.
    embedder = _embedder(config, transform, statistics)

    # Labels that do not fit what it saw are listed for a person to look at.
    label_review = LabelReview(
        examples=examples,
        embeddings=embedder.outputs["embeddings"],
        quarantine=example_gen.outputs["quarantine"],
        seed=config.train.seed,
        corrections=corrected.applied,
        code_digest=code_digest("components/label_review", "components/probe", "schemas"),
    )

    # A head is trained on what it saw, then the backbone's upper layers with it.
    trainer = _trainer(config, transform, embedder)
    model = trainer.outputs["model"]

    # The model is measured on the evaluation photos, beside the latest one that was blessed.
    earlier_model = baselines.model(model)
    # Without a look at the data, `auto` is what every data folder has.
    split = features.EVAL if config.evaluate.split == "auto" else config.evaluate.split
    evaluator = Evaluator(
        examples=examples,
        model=model,
        baseline_model=earlier_model.outputs[MODEL_KEY],
        split=split,
        slices=config.evaluate.slices,
        thresholds=config.evaluate.thresholds.model_dump(),
        code_digest=code_digest("components/evaluator", "components/serving", "schemas"),
    )

    # It is asked in a process without this project, and must answer as it did in training.
    serving_validator = ServingValidator(
        model=model,
        model_run=trainer.outputs["model_run"],
        examples=examples,
        code_digest=code_digest(
            "components/serving_validator", "components/trainer", "components/transform", "schemas"
        ),
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
        data=data,
        split=split,
        configuration=commented_yaml(config.resolved, without=MACHINE_KEYS),
        code_digest=code_digest(
            *("components/report_gen", "components/pages", "components/evaluator"),
            *("components/serving", "components/transform", "schemas"),
        ),
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
        keep=config.push.keep,
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
        metadata_connection_config=sqlite_metadata_connection_config(str(output.metadata)),
        components=components,
        enable_cache=True,
        beam_pipeline_args=_BEAM_ARGS,
    )


def _embedder(config: PipelineConfig, transform: Transform, statistics: BaseChannel) -> Embedder:
    return Embedder(
        examples=transform.outputs["transformed_examples"],
        statistics=statistics,
        config={
            "backbone": config.backbone.name,
            "weights": config.backbone.weights,
            "weights_digest": weights_digest(config.backbone.weights),
            "image_size": config.image_size,
            "views": config.embed.views,
            "augmentation": _augmentation(config),
            "fine_tune_from": config.fine_tune.from_ if config.fine_tune.epochs else "none",
            "max_disk_gb": config.embed.max_disk_gb,
            "code_digest": code_digest(
                "components/embedder", "components/backbone", "components/transform"
            ),
        },
    )


def _trainer(config: PipelineConfig, transform: Transform, embedder: Embedder) -> Trainer:
    return Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        embeddings=embedder.outputs["embeddings"],
        custom_config={
            "backbone": config.backbone.name,
            "weights": config.backbone.weights,
            "image_size": config.image_size,
            "units": config.head.units,
            "dropout": config.head.dropout,
            "frozen": config.frozen.model_dump(),
            "fine_tune": config.fine_tune.model_dump(exclude={"from_"}),
            "fine_tune_from": config.fine_tune.from_,
            "augmentation": _augmentation(config),
            **config.train.model_dump(),
            "code_digest": code_digest(
                "components/trainer", "components/backbone", "components/transform", "schemas"
            ),
        },
    )


def _augmentation(config: PipelineConfig) -> dict[str, Any]:
    return {**config.augment.model_dump(), "seed": config.train.seed}
