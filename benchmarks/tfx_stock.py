"""TFX's own way: python -m benchmarks.tfx_stock DATA HELD_OUT OUTPUT.

The same photos through stock components alone, as TFX's examples with images do it: a script of the
user writes TFRecords; then ImportExampleGen, StatisticsGen, SchemaGen, ExampleValidator, Transform,
Trainer, a Resolver of the latest blessed model, Evaluator and Pusher, by LocalDagRunner, with ML
Metadata in SQLite. Their module file is `benchmarks/tfx_stock_module.py`. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()

from tfx import v1 as tfx  # noqa: E402 (its import is a part of what is measured)

# After TFX, which stands in for a module of tfx_bsl that TFDV 1.16 imports and 1.21 lacks.
import tensorflow as tf  # noqa: E402  # isort: skip
import tensorflow_model_analysis as tfma  # noqa: E402
from ml_metadata import MetadataStore  # noqa: E402

import samples  # noqa: E402
from benchmarks import tfx_stock_module  # noqa: E402
from benchmarks.tfx_stock_module import IMAGE, LABEL, SIGNATURE  # noqa: E402

_VALIDATION_SHARE = 0.2
_BATCH_SIZE = 32

# Whatever the model reaches is pushed, and compared on the held-out photos.
_LOWEST_ACCURACY = 0.0


def main(argv: list[str] | None = None) -> None:
    """Runs the pipeline, asks the pushed model about the held-out photos, and says what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=10, help="in each stage")
    parser.add_argument(
        "--lean", action="store_true", help="without the statistics that Transform computes"
    )
    args = parser.parse_args(argv)
    imported = time.perf_counter()

    classes = sorted(folder.name for folder in args.data.iterdir() if folder.is_dir())
    _write_records(args.data, classes, args.output / "records")
    written = time.perf_counter()

    pipeline = _pipeline(args.output, len(classes), args.epochs, lean=args.lean)
    tfx.orchestration.LocalDagRunner().run(pipeline)
    ran = time.perf_counter()

    accuracy = _accuracy(_pushed(args.output), args.held_out, classes)
    asked = time.perf_counter()
    result = {
        "seconds": {
            "start_up": imported - STARTED,
            "records": written - imported,
            "pipeline": ran - written,
            "held_out": asked - ran,
        },
        "components": _component_seconds(pipeline.metadata_connection_config),
        "accuracy": accuracy,
    }
    sys.stdout.write("\n" + json.dumps(result) + "\n")


def _write_records(data: Path, classes: list[str], folder: Path) -> None:
    """Writes a file for each split; photos are divided as `validation_split` of Keras does."""
    folder.mkdir(parents=True)
    with (
        tf.io.TFRecordWriter(str(folder / "train.tfrecord")) as train,
        tf.io.TFRecordWriter(str(folder / "eval.tfrecord")) as evaluation,
    ):
        for number, name in enumerate(classes):
            photos = sorted((data / name).iterdir())
            first = int(_VALIDATION_SHARE * len(photos))
            for index, photo in enumerate(photos):
                writer = evaluation if index < first else train
                writer.write(_example(photo, number).SerializeToString())


def _example(photo: Path, label: int | None = None) -> tf.train.Example:
    example = tf.train.Example()
    example.features.feature[IMAGE].bytes_list.value.append(photo.read_bytes())
    if label is not None:
        example.features.feature[LABEL].int64_list.value.append(label)
    return example


def _pipeline(output: Path, classes: int, epochs: int, *, lean: bool) -> tfx.dsl.Pipeline:
    """Builds the line as TFX's examples do.

    Settings are TFX's defaults, with two exceptions in its favour: Beam runs in this process, and
    what was transformed is read once and kept in memory (in the module file). Transform's own
    statistics, a default that all examples keep, take some 0.1 s of a processor a photo, for each
    has 76,800 numbers; nothing in the line reads them, and `lean` leaves them out.
    """
    # TFX packs the whole folder of a module file: in one of its own that is one file.
    module_folder = output / "module"
    module_folder.mkdir()
    module_file = shutil.copy(tfx_stock_module.__file__, module_folder)

    splits = [
        tfx.proto.Input.Split(name=name, pattern=f"{name}.tfrecord") for name in ("train", "eval")
    ]
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(output / "records"), input_config=tfx.proto.Input(splits=splits)
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = tfx.components.SchemaGen(statistics=statistics)
    schema = schema_gen.outputs["schema"]
    example_validator = tfx.components.ExampleValidator(statistics=statistics, schema=schema)
    transform = tfx.components.Transform(
        examples=examples, schema=schema, module_file=module_file, disable_statistics=lean
    )
    trainer = tfx.components.Trainer(
        module_file=module_file,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        custom_config={
            "classes": classes,
            "epochs": epochs,
            "weights": str(samples.WEIGHTS_FILE),
        },
    )
    model = trainer.outputs["model"]
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model")
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=model,
        baseline_model=resolver.outputs["model"],
        eval_config=_eval_config(classes),
    )
    pusher = tfx.components.Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(output / "models"))
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(output / "artifacts"),
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(output / "metadata.sqlite")
        ),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            trainer,
            resolver,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        # In this process, as warmstart does: DirectRunner would first look for Prism, and several
        # processes, as in TFX's examples, take longer to start than they save on one machine.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )


def _eval_config(classes: int) -> tfma.EvalConfig:
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name=SIGNATURE, label_key=LABEL)],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(
                        class_name=(
                            "BinaryAccuracy" if classes == 2 else "SparseCategoricalAccuracy"
                        ),
                        threshold=tfma.MetricThreshold(
                            value_threshold=tfma.GenericValueThreshold(
                                lower_bound={"value": _LOWEST_ACCURACY}
                            )
                        ),
                    )
                ]
            )
        ],
    )


def _component_seconds(connection: Any) -> dict[str, float]:
    """Reads from ML Metadata how long each component ran."""
    store = MetadataStore(connection)
    names = {kind.id: kind.name.rpartition(".")[2] for kind in store.get_execution_types()}
    return {
        names[execution.type_id]: (
            execution.last_update_time_since_epoch - execution.create_time_since_epoch
        )
        / 1000
        for execution in store.get_executions()
    }


def _pushed(output: Path) -> Path:
    """Returns the folder of the pushed model.

    Raises:
        SystemExit: if none was pushed.
    """
    versions = sorted((output / "models").glob("*/saved_model.pb"))
    if not versions:
        raise SystemExit("The stock pipeline pushed no model.")
    return versions[-1].parent


def _accuracy(model: Path, held_out: Path, classes: list[str]) -> float:
    answer = tf.saved_model.load(str(model)).signatures[SIGNATURE]
    photos = sorted(held_out.glob("*/*"))
    right = 0
    for start in range(0, len(photos), _BATCH_SIZE):
        batch = photos[start : start + _BATCH_SIZE]
        examples = tf.constant([_example(photo).SerializeToString() for photo in batch])
        (scores,) = answer(examples=examples).values()
        found = scores[:, 0] > 0.5 if len(classes) == 2 else tf.argmax(scores, axis=1)
        right += sum(
            classes[int(number)] == photo.parent.name
            for number, photo in zip(found, batch, strict=True)
        )
    return right / len(photos)


if __name__ == "__main__":
    main()
