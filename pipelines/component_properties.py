"""What each component is told: of the configuration and the places, what decides what it does.

`image_pipeline.create_pipeline` hands each component its own; `pipelines.plan` tells from them,
without TFX, which components would run.
"""

from __future__ import annotations

from typing import Any

from components.backbone.weights import weights_digest
from components.code_digest import code_digest
from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.config import WHERE_IT_RUNS, PipelineConfig, commented_yaml
from schemas import features


def component_properties(
    config: PipelineConfig, *, data: str, corrected: Corrected = NO_CORRECTIONS
) -> dict[str, dict[str, Any]]:
    """Returns the arguments of each component that are no inputs, by its id.

    Args:
        config: what to do.
        data: the folder of photos, a manifest or an archive.
        corrected: what a person decided about these photos.
    """
    # Without a look at the data, `auto` is what every data folder has.
    split = features.EVAL if config.evaluate.split == "auto" else config.evaluate.split
    return {
        "ImageExampleGen": {
            "input_base": data,
            "options": config.survey_options,
            "corrections": corrected.changing,
            "code_digest": code_digest(
                *("components/dataset", "components/image_example_gen"),
                *("components/transform", "decoding", "schemas"),
            ),
        },
        "SchemaGen": {
            "code_digest": code_digest(
                "components/schema_gen", "components/statistics_gen", "schemas"
            ),
        },
        "DistributionValidator": {
            "max_skew": config.statistics.skew.max_distance,
            "max_drift": config.statistics.drift.max_distance,
            "code_digest": code_digest(
                "components/distribution_validator", "components/statistics_gen", "schemas"
            ),
        },
        "Transform": {
            "custom_config": {
                "image_size": config.image_size,
                "code_digest": code_digest("components/transform", "schemas"),
            },
        },
        "Embedder": {"config": _of_embedder(config)},
        "LabelReview": {
            "seed": config.train.seed,
            "corrections": corrected.applied,
            "code_digest": code_digest("components/label_review", "components/probe", "schemas"),
        },
        "Trainer": {"custom_config": _of_trainer(config)},
        "Evaluator": {
            "split": split,
            "slices": config.evaluate.slices,
            "thresholds": config.evaluate.thresholds.model_dump(),
            "code_digest": code_digest("components/evaluator", "components/serving", "schemas"),
        },
        "ServingValidator": {
            "code_digest": code_digest(
                *("components/serving_validator", "components/trainer"),
                *("components/transform", "schemas"),
            ),
        },
        "ReportGen": {
            "data": data,
            "split": split,
            "configuration": commented_yaml(config.resolved, without=WHERE_IT_RUNS),
            "code_digest": code_digest(
                *("components/report_gen", "components/pages", "components/evaluator"),
                *("components/serving", "components/transform", "schemas"),
            ),
        },
        "Pusher": {"keep": config.push.keep},
    }


def _of_embedder(config: PipelineConfig) -> dict[str, Any]:
    return {
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
    }


def _of_trainer(config: PipelineConfig) -> dict[str, Any]:
    return {
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
    }


def _augmentation(config: PipelineConfig) -> dict[str, Any]:
    return {**config.augment.model_dump(), "seed": config.train.seed}
